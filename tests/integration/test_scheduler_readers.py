"""The scheduler starts nothing new while what is read is far behind, and waits for nobody dead."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from machine import Machine, batch, types

from eventjob.bus.roles.announcements import announce
from eventjob.contracts.announcements import ProjectedTo
from services.scheduler import capacity
from services.scheduler.capacity import ProjectionLag


@pytest.fixture
async def machine(nats_server, monkeypatch):
    monkeypatch.setattr(capacity, "MOST_UNSEEN", 10)
    async with Machine(nats_server.url) as machine:
        yield machine


@asynccontextmanager
async def projected(machine, sequence):
    """A projector that is there, and gets no further."""

    async def say():
        while True:
            await announce(machine.connection, ProjectedTo(sequence=sequence))
            await asyncio.sleep(0.05)

    saying = asyncio.create_task(say())
    try:
        yield
    finally:
        saying.cancel()


async def standstill(machine):
    """What has happened, once nothing happens any more for a while."""
    seen, last = [], -1
    async with asyncio.timeout(20):
        while await machine.events.last_sequence() != last:
            last = await machine.events.last_sequence()
            await asyncio.sleep(0.5)
    async for stretch in machine.events.follow(0, until=last):
        seen += stretch
    return types(seen)


async def test_jobs_wait_for_the_readers_to_follow(machine):
    async with projected(machine, 0):
        await machine.schedule()
        await machine.send(batch("batch-one", 100), "b-one")
        await machine.work(capacity=5)
        seen = await standstill(machine)
        assert 5 <= seen["JobCompleted"] < 50
        assert seen["BatchCompleted"] == 0
    async with projected(machine, 10**6):
        await machine.until("BatchCompleted")


async def test_nobody_waits_for_a_projector_that_is_not_there(machine):
    await machine.schedule()
    await machine.send(batch("batch-one", 100), "b-one")
    await machine.work(capacity=5)
    await machine.until("BatchCompleted")


def test_one_that_has_gone_silent_is_waited_for_no_longer(monkeypatch):
    now = 100.0
    monkeypatch.setattr(capacity.time, "monotonic", lambda: now)
    behind = ProjectionLag()
    assert not behind.are_behind(10**6)
    behind.hear(ProjectedTo(sequence=5))
    assert behind.are_behind(5 + capacity.MOST_UNSEEN + 1)
    assert not behind.are_behind(5 + capacity.MOST_UNSEEN)
    now += 10
    assert not behind.are_behind(10**6)
