"""What `eventjob rebuild --check` finds, on a projection at rest and on one that moves."""

import asyncio

import msgspec
import pytest
from rebuilding import append, built, checked, differences, lives, projecting

from eventjob.projection.fold import fold
from eventjob.projection.store import Changes
from services.projector.apply import AnotherLog
from services.projector.rebuild import check


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(check, "PAUSES_S", (0.0, 0.05, 0.1))


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
    monkeypatch.setattr(check, "PAGE", 7)
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
