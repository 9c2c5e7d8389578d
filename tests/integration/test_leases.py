"""Leases on a real server: taken, renewed, lost, given up, and taken back."""

import asyncio
import contextlib
import time

import pytest
from fakes import QuietLog

from eventjob.bus.buckets.leases import OWN_FOR_S, Displaced, Leases
from eventjob.bus.subjects import ALL_PARTITIONS
from eventjob.bus.wire.connection import connect

EVERYTHING = frozenset(ALL_PARTITIONS)
TAKEN_OVER_WITHIN_S = 4.0


class Members:
    """Members of one role, each with a connection of its own."""

    def __init__(self, url, stack):
        self._url, self._stack = url, stack
        self.tasks = {}
        self.stop = asyncio.Event()

    async def join(self, name):
        connection = await connect(self._url, name=name)
        self._stack.push_async_callback(connection.close)
        leases = Leases(
            connection, role="role", instance=name, parts=ALL_PARTITIONS, log=QuietLog()
        )
        self.tasks[leases] = asyncio.create_task(leases.maintain(self.stop))
        return leases

    async def crash(self, leases):
        """It renews no more, and frees nothing."""
        task = self.tasks.pop(leases)
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=0.1)

    async def two(self):
        """Two that share all evenly."""
        found = await self.join("a"), await self.join("b")
        await shared(*found)
        return found


@pytest.fixture
async def members(nats_server):
    async with contextlib.AsyncExitStack() as stack:
        members = Members(nats_server.url, stack)
        yield members
        members.stop.set()
        await asyncio.gather(*members.tasks.values(), return_exceptions=True)


async def until(check, within_s=20.0):
    """The seconds that it takes."""
    began = time.monotonic()
    async with asyncio.timeout(within_s):
        while not check():
            await asyncio.sleep(0.01)
    return time.monotonic() - began


async def shared(*those):
    """Each gives up what is too much, as a scheduler does after its round, until all is even."""
    async with asyncio.timeout(30):
        while True:
            for leases in those:
                await leases.release_surplus()
            held = [leases.held for leases in those]
            if sum(map(len, held)) == 16 and max(map(len, held)) <= -(-16 // len(those)):
                assert frozenset().union(*held) == EVERYTHING
                return
            await asyncio.sleep(0.05)


async def test_newcomers_get_their_share_and_nobody_owns_what_another_does(members):
    first = await members.join("a")
    assert await until(lambda: first.held == EVERYTHING) < 1.0  # who is alone owns all at once
    second = await members.join("b")
    await shared(first, second)
    third = await members.join("c")
    await shared(first, second, third)


async def test_what_a_dead_member_had_is_taken_over(members):
    first, second = await members.two()
    await members.crash(first)
    assert OWN_FOR_S < await until(lambda: second.held == EVERYTHING) < TAKEN_OVER_WITHIN_S
    assert not first.is_sure


async def test_who_leaves_frees_everything_at_once(members):
    first, second = await members.two()
    await members.crash(first)
    await first.leave()
    assert await until(lambda: second.held == EVERYTHING) < 1.5


async def test_a_restarted_member_takes_its_own_back_at_once(members):
    first, _ = await members.two()
    had = first.held
    await members.crash(first)
    again = await members.join("a")
    assert await until(lambda: again.held == had) < 0.5


async def test_the_older_of_two_by_one_name_is_displaced(members):
    first = await members.join("a")
    await until(lambda: first.held == EVERYTHING)
    again = await members.join("a")
    await until(members.tasks[first].done)
    assert isinstance(members.tasks[first].exception(), Displaced)
    assert first.held == frozenset()
    await until(lambda: again.held == EVERYTHING)


async def test_a_server_that_was_away_for_long_costs_nobody_its_share(members, nats_server):
    first, second = await members.two()
    had = (first.held, second.held)
    nats_server.kill()
    await until(lambda: not first.held and not second.held)
    nats_server.start()
    await until(lambda: (first.held, second.held) == had)
