"""Rebuilds from a real log, while a projector writes and readers read."""

import asyncio
from contextlib import asynccontextmanager

import msgspec
import pytest
from fakes import QuietLog
from recorded_events import Log
from stores import STORES, opened

from eventjob.bus import subjects, topology
from eventjob.bus.errors import Poison
from eventjob.bus.event_codec import NewEvent
from eventjob.bus.log import EventLog
from eventjob.contracts.events import BatchDeleted, JobDeleted
from eventjob.domain.access import Caller
from services.api import projecting as projecting_module
from services.api import rebuild_check
from services.api.projection import fold
from services.api.projector import Projector
from services.api.rebuild import AnotherLog, Interrupted, rebuild
from services.api.rebuild_check import check
from services.api.store import Changes, JobQuery

WITHIN_S = 60
EVERY = JobQuery(caller=Caller(None, trusted=True), limit=0)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(rebuild_check, "PAUSES_S", (0.0, 0.05, 0.1))


@pytest.fixture(params=STORES)
def kind(request):
    return request.param


@pytest.fixture
async def store(kind, tmp_path):
    async with opened(kind, tmp_path) as store:
        yield store


@pytest.fixture
async def log(connection):
    await topology.ensure_streams(connection.jetstream)
    return EventLog(connection)


async def append(log, records):
    for first in range(0, len(records), 1000):
        await log.append(
            [
                NewEvent(subjects.event_subject(r.group, r.n), r.event, None, "", "ann")
                for r in records[first : first + 1000]
            ]
        )


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


async def differences(log, store):
    async with asyncio.timeout(WITHIN_S):
        report = await check(log, store, lambda _progress: None, asyncio.Event())
    return report.differences


async def everything(store):
    jobs = {job.job_id: job for job in await store.next_jobs(0, 10_000)}
    return jobs, {batch.batch_id: batch for batch in await store.next_batches(0, 10_000)}


async def test_what_is_built_is_what_the_log_folds_to(log, store, kind):
    size = 200 if kind == "sqlite" else 20
    made = lives(size)
    await append(log, made.records)
    done = await built(log, store)
    assert (done.events, done.sequence) == (len(made.records), len(made.records))
    assert await store.checkpoint() == len(made.records)
    wanted = fold(made.records, {}, {})
    jobs, batches = await everything(store)
    assert jobs == {job.job_id: job for job in wanted.jobs}
    assert batches == {batch.batch_id: batch for batch in wanted.batches}
    assert (await store.list_jobs(EVERY)).total == len(wanted.jobs) == size
    assert await differences(log, store) == []


async def test_of_an_empty_log_nothing_is_built(log, store):
    assert (await built(log, store)).events == 0
    assert await store.checkpoint() == 0
    assert await differences(log, store) == []


async def test_few_remembered_documents_make_no_difference(log, store, monkeypatch):
    monkeypatch.setattr(projecting_module, "MOST_JOBS", 7)
    await append(log, lives(30).records)
    await built(log, store)
    monkeypatch.undo()
    assert await differences(log, store) == []


async def test_nobody_notices_rebuilds_while_events_come(log, store, kind):
    size, readers, rebuilds = (600, 3, 4) if kind == "sqlite" else (40, 1, 2)  # it is slow
    made = lives(size)
    half = len(made.records) // 2
    await append(log, made.records[:half])
    done = asyncio.Event()

    async def read():
        looked = 0
        while not done.is_set():
            assert (await store.job("job-x.1")) is not None
            assert (await store.batch("batch-x")) is not None
            assert size <= (await store.list_jobs(EVERY)).total <= size + 4
            looked += 1
        return looked

    async def write():
        for record in made.records[half:]:
            await append(log, [record])

    async with projecting(log, store):
        await reached(store, half)
        async with asyncio.TaskGroup() as tasks:
            reading = [tasks.create_task(read()) for _ in range(readers)]
            writing = tasks.create_task(write())
            for _ in range(rebuilds):
                await built(log, store)
                assert await differences(log, store) == []
            await writing
            await reached(store, len(made.records))
            assert await differences(log, store) == []
            done.set()
        assert all(task.result() > 4 for task in reading)
        wanted = fold(made.records, {}, {})
        assert (await everything(store))[0] == {job.job_id: job for job in wanted.jobs}


async def test_an_event_that_nobody_can_read_switches_nothing(log, store, connection):
    made = lives(10)
    await append(log, made.records)
    await built(log, store)
    before = await everything(store)
    await connection.jetstream.publish(subjects.event_subject("b-x"), b'{"type": "OfTomorrow"}')
    with pytest.raises(Poison, match=f"event {len(made.records) + 1}"):
        await built(log, store)
    assert await everything(store) == before


async def test_who_stops_it_finds_everything_as_it_was(log, store):
    made = lives(10)
    await append(log, made.records[:20])
    await built(log, store)
    await append(log, made.records[20:])
    before = await everything(store)
    stop = asyncio.Event()
    stop.set()
    with pytest.raises(Interrupted):
        await built(log, store, stop)
    assert await everything(store) == before
    assert await store.checkpoint() == 20
    await built(log, store)
    assert await differences(log, store) == []


async def test_documents_of_another_log_are_left_alone(log, store):
    await store.apply(Changes(checkpoint=5))
    with pytest.raises(AnotherLog, match="reflect event 5, the log ends at 0"):
        await built(log, store)


JOB = "job-x.4"
CHANGES = {
    "job-x.1": {"status": "failed"},
    JOB: {"log": []},
    "job-x.5": {"attempt": 9},
    "job-x.8": {"owner": None},
    "job-x.10": {"completed_at": None},
    "job-x.13": {"sequence": 10**12},
    "job-x.16": {"parameters": msgspec.Raw(b'{"event":"another"}')},
    "batch-x": {"states": "c" * 20, "archived": True, "batch_name": "another"},
}


async def test_each_field_that_is_not_what_the_log_says_is_named(log, store):
    made = lives(20)
    await append(log, made.records)
    wanted = fold(made.records, {}, {})
    documents = {job.job_id: job for job in wanted.jobs} | {b.batch_id: b for b in wanted.batches}
    for name, changes in CHANGES.items():
        documents[name] = msgspec.structs.replace(documents[name], **changes)
    await store.apply(
        Changes(
            jobs=[documents[job.job_id] for job in wanted.jobs],
            batches=[documents[batch.batch_id] for batch in wanted.batches],
            checkpoint=len(made.records),
        )
    )
    named = {line.partition(": the document says ")[0] for line in await differences(log, store)}
    assert named == {
        f"{name.partition('-')[0]} {name}: {field}"
        for name, changes in CHANGES.items()
        for field in changes
    }
    await built(log, store)
    assert await differences(log, store) == []


async def test_what_is_missing_and_what_is_too_many_is_named(log, store):
    made = lives(20)
    await append(log, made.records)
    wanted = fold(made.records, {}, {})
    invented = msgspec.structs.replace(wanted.jobs[0], job_id="job-never", position=3)
    jobs = [job for job in wanted.jobs if job.job_id != JOB]
    await store.apply(Changes(jobs=[*jobs, invented], checkpoint=len(made.records)))
    assert sorted(await differences(log, store)) == [
        "batch batch-x: is missing: the log has it",
        "job job-never: is too many: the log has no such thing",
        f"job {JOB}: is missing: the log has it",
    ]
    await built(log, store)
    assert await differences(log, store) == []


async def test_a_projection_that_is_behind_is_not_wrong(log, store):
    made = lives(20)
    await append(log, made.records)
    await store.apply(fold(made.records[:30], {}, {}))
    assert await differences(log, store) == []


async def test_a_difference_among_what_moves_is_found(log, store, kind, monkeypatch):
    monkeypatch.setattr(rebuild_check, "PAGE", 7)
    made = lives(300 if kind == "sqlite" else 30)
    first = len(made.records) // 3
    await append(log, made.records[:first])
    wanted = fold(made.records[:first], {}, {})
    wrong = msgspec.structs.replace(wanted.jobs[0], tries=3)
    await store.apply(
        Changes(jobs=[wrong, *wanted.jobs[1:]], batches=wanted.batches, checkpoint=first)
    )

    async def write():
        for record in made.records[first:]:
            await append(log, [record])

    async with projecting(log, store), asyncio.TaskGroup() as tasks:
        writer = tasks.create_task(write())
        found = []
        while not writer.done():
            found.append(await differences(log, store))
    assert {tuple(lines) for lines in found} == {
        (f"job {wrong.job_id}: tries: the document says 3, the log says 0",)
    }
