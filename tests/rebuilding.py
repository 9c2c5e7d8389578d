"""A log on a real server, a projector beside it, and rebuilds and checks under a deadline."""

import asyncio
from contextlib import asynccontextmanager

from fakes import QuietLog
from recorded_events import Log

from eventjob.bus import subjects
from eventjob.bus.log.event_codec import NewEvent
from eventjob.contracts.events import BatchDeleted, JobDeleted
from services.projector.projector import Projector
from services.projector.rebuild.check import check
from services.projector.rebuild.rebuild import rebuild

WITHIN_S = 60


async def append(log, records):
    """Events made by hand, a thousand at a time; the last one's sequence."""
    last = 0
    for first in range(0, len(records), 1000):
        some = ((subjects.event_subject(r.group, r.n), r.event) for r in records[first:][:1000])
        last = await log.append([NewEvent(*one, None, "", "ann") for one in some])
    return last


def lives(size):
    """A batch in which all that can happen has happened, one that was deleted, and a job alone."""
    made = Log()
    made.submit()
    group, gone = made.batch(size), made.batch(3, "batch-gone")
    for n in range(1, size + 1):
        made.start(group, [n])
        if n % 3 == 0:
            made.retry(group, n)
        elif n % 7 == 0:
            made.fail(group, n)
        else:
            made.fetch(group, n)
            made.complete(group, n)
        if n % 11 == 0:
            made.restart(group, n)
    made.add(group, 2, JobDeleted(job_id="job-x.2", at=made.at))
    made.add(gone, None, BatchDeleted(batch_id="batch-gone", at=made.at))
    return made


@asynccontextmanager
async def projecting(log, store):
    async def announce(_said):
        pass

    stop = asyncio.Event()
    task = asyncio.create_task(Projector(log, store, announce, QuietLog()).run(stop))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(WITHIN_S):
            await task


async def reached(store, sequence):
    async with asyncio.timeout(WITHIN_S):
        while await store.checkpoint() < sequence:
            await asyncio.sleep(0.01)


async def built(log, store, stop=None):
    async with asyncio.timeout(WITHIN_S):
        return await rebuild(log, store, lambda _progress: None, stop or asyncio.Event())


async def checked(log, store):
    async with asyncio.timeout(WITHIN_S):
        return await check(log, store, lambda _progress: None, asyncio.Event())


async def differences(log, store):
    return (await checked(log, store)).differences


async def everything(store):
    jobs = {job.job_id: job for job in await store.next_jobs(0, 10_000)}
    return jobs, {batch.batch_id: batch for batch in await store.next_batches(0, 10_000)}
