"""Two processes visit one host, in step over a real bus."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import pairwise

import msgspec
import pytest
from fakes_processor import WITHIN_S
from nats.js.api import StorageType

from eventjob.bus.buckets.hosts import BUCKET, open_hosts
from eventjob.bus.wire.connection import connect
from services.processor.fetching.host_limiter import WaitTooLong, open_limiter
from services.processor.fetching.host_slots import HostState, Pace

HOST = "conf.example"
PATIENT = timedelta(seconds=30)


@pytest.fixture
async def two(nats_server):
    """The turns of two processes, each with a connection of its own."""
    async with AsyncExitStack() as stack:
        found = []
        for name in ("one", "two"):
            connection = await connect(nats_server.url, name=name)
            stack.push_async_callback(connection.close)
            found.append(
                await stack.enter_async_context(open_limiter(await open_hosts(connection)))
            )
        yield found


async def visit(turns, pace, patience=PATIENT, host=HOST):
    start = await turns.acquire(host, pace, patience)
    await turns.release(host)
    return start


async def state_of(turns, host=HOST):
    entry = await turns._bucket.read(host)
    return msgspec.json.decode(entry.value, type=HostState) if entry.value else HostState()


async def until_state(turns, condition):
    async with asyncio.timeout(WITHIN_S):
        while not condition(await state_of(turns)):
            await asyncio.sleep(0.005)


async def test_starts_of_two_processes_are_never_closer_than_the_delay(two):
    pace = Pace(0.05, 4)
    starts = await asyncio.gather(*(visit(turns, pace) for turns in two for _ in range(10)))
    gaps = [later - earlier for earlier, later in pairwise(sorted(starts))]
    assert min(gaps) >= pace.delay_s - 1e-6
    assert max(starts) - min(starts) < 20 * pace.delay_s * 2, "no slot is lost for long"


async def test_a_slot_reserved_before_a_host_asked_for_silence_is_not_used(two):
    one, other = two
    pace = Pace(0.2, 4)
    await one.acquire(HOST, pace, PATIENT)
    slots = (await state_of(one)).next_slot
    waiting = [asyncio.create_task(visit(turns, pace)) for turns in two]
    await until_state(one, lambda state: state.next_slot > slots + 1.5 * pace.delay_s)
    silent_until = other._bucket.now() + 0.8
    await one.release(HOST, timedelta(seconds=0.8))
    starts = sorted(await asyncio.gather(*waiting))
    assert starts[0] >= silent_until - 0.05
    assert starts[1] - starts[0] >= pace.delay_s - 1e-6


async def test_a_turn_that_is_too_far_away_is_refused_and_reserves_nothing(two):
    one, other = two
    pace = Pace(0.0, 4)
    await one.acquire(HOST, pace, PATIENT)
    await one.release(HOST, timedelta(seconds=120))
    before = await state_of(one)
    with pytest.raises(WaitTooLong) as refused:
        await other.acquire(HOST, pace, timedelta(seconds=60))
    assert 115 < refused.value.wait.total_seconds() < 120.1  # two estimates of one clock
    assert (await state_of(one)).next_slot == before.next_slot


async def test_requests_of_two_processes_together_stay_within_the_limit(two):
    pace = Pace(0.0, 2)
    running, most = 0, 0

    async def long_visit(turns):
        nonlocal running, most
        await turns.acquire(HOST, pace, PATIENT)
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)  # as long as the request takes
        running -= 1
        await turns.release(HOST)

    async with asyncio.timeout(WITHIN_S * 2):
        await asyncio.gather(*(long_visit(turns) for turns in two for _ in range(8)))
    assert most == 2


async def test_a_process_with_a_long_queue_lets_the_other_one_in(two):
    busy, other = two
    pace = Pace(0.0, 1)
    order = []

    async def visit_as(name, turns, seconds):
        await turns.acquire(HOST, pace, PATIENT)
        order.append(name)
        await asyncio.sleep(seconds)  # as long as the request takes
        await turns.release(HOST)

    visits = [asyncio.create_task(visit_as("busy", busy, 0.1)) for _ in range(10)]
    await until_state(busy, lambda state: any(s.running for s in state.shares.values()))
    visits.append(asyncio.create_task(visit_as("other", other, 0.0)))
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(*visits)
    assert order.index("other") <= 4


async def test_a_request_without_delay_costs_one_round_trip(two):
    turns = two[0]
    swaps = 0
    swap = turns._bucket.compare_and_set

    async def counted(*args):
        nonlocal swaps
        swaps += 1
        return await swap(*args)

    turns._bucket.compare_and_set = counted
    for _ in range(50):
        await visit(turns, Pace(0.0, 2))
    assert swaps <= 55


async def restarted(nats_server, *turns):
    """The server loses what is in memory, and its clients come back."""
    back = [asyncio.Event() for _ in turns]
    for one, event in zip(turns, back, strict=True):
        one._bucket._connection.on_reconnect(event.set)
    nats_server.kill()
    nats_server.start()
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(*(event.wait() for event in back))


async def test_a_lost_bucket_is_made_again_and_silence_outlives_it(two, nats_server):
    one, other = two
    pace = Pace(0.0, 2)
    for turns in two:
        await visit(turns, pace)
    await restarted(nats_server, one, other)
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(*(visit(turns, pace) for turns in two))
    await one.acquire(HOST, pace, PATIENT)
    await one.release(HOST, timedelta(seconds=300))
    await restarted(nats_server, one)
    with pytest.raises(WaitTooLong):
        await one.acquire(HOST, pace, timedelta(seconds=60))


async def test_any_host_can_be_a_key_in_a_bucket_as_it_is(connection):
    settings = {"bucket": BUCKET, "history": 5, "storage": StorageType.MEMORY}
    await connection.jetstream.create_key_value(**settings)
    hosts = await open_hosts(connection)
    for host in ("::1", "münchen.example", "a" * 63 + ".example", "UPPER", "x..y"):
        revision = await hosts.compare_and_set(host, b"known", 0)
        entry = await hosts.read(host)
        assert (entry.value, entry.revision) == (b"known", revision)
        assert await hosts.compare_and_set(host, b"late", 0) is None
