"""A scheduler whose leases the bus refuses to change for a while."""

import asyncio
from dataclasses import replace

from fakes import QuietLog
from nats.js.api import DiscardPolicy

from eventjob.bus.buckets.leases import STREAM, Leases
from eventjob.bus.subjects import ALL_PARTITIONS
from eventjob.domain.retry import Policy
from services.scheduler.main import Scheduler

NAME = "one"


async def until(check, within_s=15.0):
    async with asyncio.timeout(within_s):
        while not check():
            await asyncio.sleep(0.05)


async def cancelled(task):
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)


async def test_a_scheduler_outlives_a_bus_that_takes_no_lease(connection):
    before = Leases(
        connection, role="scheduler", instance=NAME, parts=ALL_PARTITIONS, log=QuietLog()
    )
    keeping = asyncio.create_task(before.maintain(asyncio.Event()))
    await until(lambda: before.held)
    await cancelled(keeping)  # as after a kill: the parts are still under its name
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
