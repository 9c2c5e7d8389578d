"""Rebuilds from a real log, while others write and read, and what `--check` finds."""

import asyncio

import msgspec
import pytest
from rebuilding import append, built, checked, differences, everything, lives, projecting, reached

from eventjob.bus import subjects
from eventjob.bus.errors import Poison
from eventjob.domain.access import Caller
from eventjob.projection.fold import fold
from eventjob.projection.store import Changes, JobQuery
from services.projector import apply
from services.projector.apply import AnotherLog
from services.projector.rebuild import check
from services.projector.rebuild.rebuild import Interrupted

EVERY = JobQuery(caller=Caller(None, trusted=True), limit=0)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(check, "PAUSES_S", (0.0, 0.05, 0.1))


async def test_what_is_built_is_what_the_log_folds_to(log, store):
    size = 200
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
    monkeypatch.setattr(apply, "MAX_CACHED_JOBS", 7)
    await append(log, lives(30).records)
    await built(log, store)
    monkeypatch.undo()
    assert await differences(log, store) == []


async def test_nobody_notices_rebuilds_while_events_come(log, store):
    size, readers, rebuilds = 300, 3, 3
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
        "job job-never: is in excess: the log has no such document",
        f"job {JOB}: is missing: the log has it",
    ]
    await built(log, store)
    assert await differences(log, store) == []


async def test_a_projection_that_is_behind_is_not_wrong(log, store):
    made = lives(20)
    await append(log, made.records)
    await store.apply(fold(made.records[:30], {}, {}))
    assert await differences(log, store) == []


async def test_a_difference_among_what_moves_is_found(log, store, monkeypatch):
    monkeypatch.setattr(check, "PAGE", 7)
    made = lives(150)
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


async def test_documents_that_are_behind_are_no_difference_and_said_to_be_behind(log, store):
    made = lives(5)
    await append(log, made.records)
    report = await checked(log, store)
    assert (report.differences, report.reflected, report.last) == ([], 0, len(made.records))
    await built(log, store)
    report = await checked(log, store)
    assert report.reflected == report.last == len(made.records)


async def test_documents_of_another_log_are_refused_at_once(log, store):
    made = lives(5)
    await append(log, made.records)
    await store.apply(Changes(jobs=[], batches=[], checkpoint=len(made.records) + 1))
    with pytest.raises(AnotherLog):
        await checked(log, store)
