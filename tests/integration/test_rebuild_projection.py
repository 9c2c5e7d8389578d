"""Rebuilds from a real log, while a projector writes and readers read."""

import asyncio

import pytest
from rebuilding import append, built, differences, everything, lives, projecting, reached

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
    monkeypatch.setattr(apply, "MOST_JOBS", 7)
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
