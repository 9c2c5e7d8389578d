"""The scheduler waits for readers that are far behind, for nobody dead, and for its leases."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from fakes import QuietLog
from machine import Machine, batch, types
from nats.js.api import DiscardPolicy

from eventjob.bus.buckets.leases import STREAM, Leases
from eventjob.bus.roles.announcements import announce
from eventjob.bus.subjects import ALL_PARTITIONS
from eventjob.contracts.announcements import ProjectedTo
from eventjob.domain.retry import Policy
from services.scheduler import capacity
from services.scheduler.capacity import ProjectionLag
from services.scheduler.main import Scheduler


@pytest.fixture
async def machine(nats_server, monkeypatch):
    monkeypatch.setattr(capacity, "MAX_LAG_EVENTS", 10)
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
    assert not behind.is_behind(10**6)
    behind.note_position(ProjectedTo(sequence=5))
    assert behind.is_behind(5 + capacity.MAX_LAG_EVENTS + 1)
    assert not behind.is_behind(5 + capacity.MAX_LAG_EVENTS)
    now += 10
    assert not behind.is_behind(10**6)


NAME = "one"


async def until(check, within_s=30.0):
    async with asyncio.timeout(within_s):
        while not check():
            await asyncio.sleep(0.05)


async def test_a_scheduler_outlives_a_bus_that_takes_no_lease(connection):
    before = Leases(
        connection, role="scheduler", instance=NAME, parts=ALL_PARTITIONS, log=QuietLog()
    )
    keeping = asyncio.create_task(before.maintain(asyncio.Event()))
    await until(lambda: before.held)
    while not keeping.done():  # as after a kill: the parts are still under its name
        keeping.cancel()
        await asyncio.wait({keeping}, timeout=0.1)
    as_made = (await connection.jetstream.stream_info(STREAM)).config
    full = replace(as_made, max_bytes=1, discard=DiscardPolicy.NEW, max_msgs_per_subject=-1)
    await connection.jetstream.update_stream(full)

    log, stop = QuietLog(), asyncio.Event()
    scheduler = Scheduler(connection, None, Policy(), log, instance=NAME)
    running = asyncio.create_task(scheduler.run(stop))
    await asyncio.wait({running}, timeout=3)
    assert not running.done(), running.exception()
    await connection.jetstream.update_stream(as_made)
    await until(lambda: scheduler._leases.held)
    stop.set()
    await asyncio.wait_for(running, 10)
