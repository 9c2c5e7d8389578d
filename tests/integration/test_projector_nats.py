"""The projector's process on a real log: it announces, survives the server, and stops."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from rebuilding import append
from recorded_events import Log

from eventjob.bus import subjects
from eventjob.bus.log.log import EventLog
from eventjob.bus.roles.watch import Watch
from eventjob.bus.streams import topology
from eventjob.bus.wire.connection import connect
from eventjob.domain.access import Caller
from eventjob.projection.store import JobQuery
from eventjob.runtime.settings import read_settings
from services.projector.main import run

WITHIN = timedelta(seconds=20)
ALL = JobQuery(caller=Caller(None, trusted=True), limit=0)


@pytest.fixture
async def watch(connection):
    watch = Watch(connection)
    await watch.open()
    return watch


@asynccontextmanager
async def projector(nats_server, folder):
    settings = read_settings(
        {"EVENTJOB_NATS_URL": nats_server.url, "EVENTJOB_DATA_DIR": str(folder)}
    )
    stop = asyncio.Event()
    task = asyncio.create_task(run(settings, stop))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(5):
            await task


def busy_batch():
    made = Log()
    group = made.batch(1000)
    made.start(group, range(1, 1001))
    for n in range(1, 1001):
        made.fetch(group, n)
        made.complete(group, n)
    return made.records


async def test_what_is_appended_is_read_once_it_is_announced(
    nats_server, log, watch, store, tmp_path
):
    async with projector(nats_server, tmp_path):
        last = await append(log, busy_batch())
        assert await watch.wait_until_reached(last, WITHIN)
        assert (await store.batch("batch-x")).states == "c" * 1000
        assert await store.checkpoint() == last


async def test_a_killed_server_costs_nothing(nats_server, log, watch, store, tmp_path):
    records = busy_batch()
    async with projector(nats_server, tmp_path):
        last = await append(log, records[:500])
        assert await watch.wait_until_reached(last, WITHIN)
        nats_server.kill()
        nats_server.start()
        again = await connect(nats_server.url, name="again")
        last = await append(EventLog(again), records[500:])
        assert last == len(records)
        assert await watch.wait_until_reached(last, WITHIN)
        await again.close()
    assert (await store.batch("batch-x")).states == "c" * 1000


async def test_an_event_of_tomorrow_stops_it_and_says_so(
    nats_server, connection, log, watch, tmp_path
):
    made = Log()
    made.submit()
    await append(log, made.records)
    await connection.jetstream.publish(subjects.event_subject("b-x"), b'{"type": "OfTomorrow"}')
    async with projector(nats_server, tmp_path):
        assert await watch.wait_until_reached(1, WITHIN)
        async with asyncio.timeout(WITHIN.total_seconds()):
            while not any("event 2" in trouble for trouble in watch.find_troubles()):
                await watch.wait_until_reached(2, timedelta(seconds=0.05))
        assert not await watch.wait_until_reached(2, timedelta(seconds=0.05))


async def test_it_starts_before_there_is_a_log(nats_server, connection, tmp_path, store):
    watch = Watch(connection)
    await watch.open()
    async with projector(nats_server, tmp_path):
        async with asyncio.timeout(WITHIN.total_seconds()):
            while not any("the event log" in trouble for trouble in watch.find_troubles()):
                await watch.wait_until_reached(1, timedelta(seconds=0.05))
        await topology.ensure_streams(connection)
        made = Log()
        made.submit()
        last = await append(EventLog(connection), made.records)
        assert await watch.wait_until_reached(last, WITHIN)
        assert (await store.list_jobs(ALL)).total == 1
