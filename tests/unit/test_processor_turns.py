import asyncio
from datetime import timedelta

import msgspec
import pytest
from fakes_processor import FakeHosts, until

from eventjob.bus.errors import Unavailable
from services.processor.fetching.host_limiter import (
    MAX_HOSTS,
    RENEW_AFTER_S,
    HostLimiter,
    WaitTooLong,
    open_limiter,
)
from services.processor.fetching.host_slots import HostState, Pace, Share

PATIENT = timedelta(seconds=30)
AT_ONCE = Pace(0.0, 2)


def state_of(hosts, host="h"):
    return msgspec.json.decode(hosts.entries[host].value, type=HostState)


async def test_an_ended_request_is_told_to_the_others_soon():
    hosts = FakeHosts()
    async with open_limiter(hosts) as turns:
        await turns.acquire("h", AT_ONCE, PATIENT)
        assert [share.running for share in state_of(hosts).shares.values()] == [1]
        await turns.release("h")
        await until(lambda: state_of(hosts).shares == {})


async def test_a_request_that_ends_while_another_one_starts_is_told_too():
    hosts = FakeHosts()
    async with open_limiter(hosts) as turns:
        await turns.acquire("h", AT_ONCE, PATIENT)
        swap = hosts.compare_and_set

        async def slowly(*args):
            hosts.compare_and_set = swap
            revision = await swap(*args)
            await turns.release("h")
            return revision

        hosts.compare_and_set = slowly
        await turns.acquire("h", AT_ONCE, PATIENT)
        assert turns._hosts["h"].running == 1
        async with asyncio.timeout(RENEW_AFTER_S / 2):  # not only when it is told again anyway
            await until(lambda: [share.running for share in state_of(hosts).shares.values()] == [1])


async def test_the_end_of_a_process_is_told_at_once():
    hosts = FakeHosts()
    async with open_limiter(hosts) as turns:
        await turns.acquire("h", AT_ONCE, PATIENT)
        await turns.release("h")
    assert state_of(hosts).shares == {}


async def test_a_visit_given_up_while_it_waits_takes_no_permit_along():
    hosts = FakeHosts()
    async with open_limiter(hosts) as turns:
        for _ in range(AT_ONCE.per_host):
            await turns.acquire("h", AT_ONCE, PATIENT)
        given_up = asyncio.create_task(turns.acquire("h", AT_ONCE, PATIENT))
        await until(lambda: turns._hosts["h"].users)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        for _ in range(AT_ONCE.per_host):
            await turns.release("h")
        for _ in range(AT_ONCE.per_host):
            await turns.acquire("h", AT_ONCE, PATIENT)
        assert turns._hosts["h"].running == AT_ONCE.per_host


async def test_a_bus_that_is_away_takes_no_permit_along():
    hosts = FakeHosts()
    turns = HostLimiter(hosts)
    swap = hosts.compare_and_set

    async def away(*_):
        raise Unavailable("away")

    hosts.compare_and_set = away
    for _ in range(AT_ONCE.per_host + 1):
        with pytest.raises(Unavailable):
            await turns.acquire("h", AT_ONCE, PATIENT)
    hosts.compare_and_set = swap
    await turns.acquire("h", AT_ONCE, PATIENT)
    assert turns._hosts["h"].running == 1


async def test_a_host_that_asks_for_silence_while_the_bus_is_away_is_heard_all_the_same():
    hosts = FakeHosts()
    async with open_limiter(hosts) as turns:
        await turns.acquire("h", AT_ONCE, PATIENT)
        swap = hosts.compare_and_set

        async def away(*_):
            raise Unavailable("away")

        hosts.compare_and_set = away
        await turns.release("h", timedelta(seconds=300))
        hosts.compare_and_set = swap
        with pytest.raises(WaitTooLong):
            await turns.acquire("h", AT_ONCE, PATIENT)


async def test_one_who_waits_for_a_dead_process_goes_on_when_its_share_has_expired():
    hosts = FakeHosts()
    async with open_limiter(hosts) as turns:
        dead = HostState(shares={"dead": Share(hosts.now() + 0.3, 2)})
        await hosts.compare_and_set("h", msgspec.json.encode(dead), 0)
        start = await turns.acquire("h", AT_ONCE, PATIENT)
        assert start >= dead.shares["dead"].until


async def test_patience_ends_also_where_only_requests_of_others_are_in_the_way():
    hosts = FakeHosts()
    async with open_limiter(hosts) as turns:
        busy = HostState(shares={"busy": Share(hosts.now() + 300, 2)})
        await hosts.compare_and_set("h", msgspec.json.encode(busy), 0)
        with pytest.raises(WaitTooLong):
            await turns.acquire("h", AT_ONCE, timedelta(seconds=0.1))
        assert turns._hosts["h"].running == 0


async def test_what_another_version_has_written_is_no_obstacle():
    hosts = FakeHosts()
    async with open_limiter(hosts) as turns:
        await hosts.compare_and_set("h", b"\xff not ours", 0)
        await turns.acquire("h", AT_ONCE, PATIENT)
        assert [share.running for share in state_of(hosts).shares.values()] == [1]


async def test_hosts_visited_long_ago_are_forgotten():
    turns = HostLimiter(FakeHosts())
    await turns.acquire("running", AT_ONCE, PATIENT)
    for number in range(MAX_HOSTS + 1):
        host = f"h{number}"
        await turns.acquire(host, AT_ONCE, PATIENT)
        await turns.release(host, timedelta())
    assert len(turns._hosts) <= MAX_HOSTS
    assert "running" in turns._hosts


class SkippingHosts(FakeHosts):
    """Its clock can be put forward."""

    skipped_s = 0.0

    def now(self):
        return super().now() + self.skipped_s


async def test_a_request_that_goes_out_in_time_says_nothing_more():
    hosts = FakeHosts()
    turns = HostLimiter(hosts)
    await turns.acquire("h", Pace(10.0, 2), PATIENT)
    swaps = hosts.swaps
    await turns.start_sending("h")
    assert hosts.swaps == swaps


async def test_the_pause_counts_from_when_a_request_really_goes_out():
    hosts = SkippingHosts()
    turns = HostLimiter(hosts)
    await turns.acquire("h", Pace(10.0, 2), PATIENT)
    hosts.skipped_s = 3.0
    await turns.start_sending("h")
    assert state_of(hosts).next_start == pytest.approx(hosts.now() + 10.0, abs=0.4)


@pytest.mark.parametrize("others", ["start", "silence"])
async def test_a_request_that_goes_out_late_keeps_away_from_what_came_meanwhile(others):
    hosts = SkippingHosts()
    late, other = HostLimiter(hosts), HostLimiter(hosts)
    pace = Pace(0.5, 2)
    await late.acquire("h", pace, PATIENT)
    hosts.skipped_s = 0.6  # as long as it took to connect
    start = await other.acquire("h", pace, PATIENT)
    await other.release("h", timedelta(seconds=0.7) if others == "silence" else None)
    await late.start_sending("h")
    assert hosts.now() >= start + (0.7 if others == "silence" else 0.5)
    assert state_of(hosts).next_start >= hosts.now() + 0.3
