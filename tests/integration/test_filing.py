"""A batch whose events have left the log: every reader still finds all of it."""

import asyncio

import pytest
from filing import GROUP, as_before, living
from machine import spec
from rebuilding import built, checked, differences, everything, projecting, reached
from stores import opened

from eventjob.bus.subjects import event_subject
from eventjob.contracts.base import Export
from eventjob.contracts.commands import (
    AddJob,
    BuildBatchZip,
    DeleteBatch,
    DeleteJob,
    FileBatch,
    RestartJob,
    SetBatchActive,
    SetBatchArchived,
    SubmitBatch,
)
from eventjob.contracts.events import BatchFiled
from eventjob.contracts.replies import Accepted, Declined
from eventjob.domain.access import Caller
from eventjob.projection.read_model import references
from services.api.operations.time_travel import batch_as_of, job_as_of
from services.projector.apply import EventApplier
from services.projector.retire.retire import NotRetirable, candidates

ROOT = Caller(None, trusted=True)
JOBS = 15


@pytest.fixture
async def life(nats_server, tmp_path):
    async with living(nats_server.url, tmp_path, JOBS) as life:
        yield life


async def read_all(log):
    """What the api and the archiver read of the batch."""
    whole = [r async for page in log.read_with_jobs(GROUP) for r in page]
    return [whole, await log.read(GROUP), *[await log.read(GROUP, n) for n in range(1, JOBS + 2)]]


async def pasts(life, documents, last):
    """The batch and some of its jobs as they were, at every event."""
    jobs, batches = documents
    found = []
    for moment in range(min(r.sequence for r in await life.log.read(GROUP)), last + 1, 7):
        found.append(await batch_as_of(life.log, batches["batch-x"], moment))
        found += [
            await job_as_of(life.log, jobs[f"job-x.{n}"], moment)
            for n in (1, 3, 5, 7)
            if moment > last - 20
        ]
    return found


async def test_documents_history_and_past_are_what_they_were(life, store):
    async with projecting(life.log, store):
        await reached(store, life.last)
        before = await everything(store)
        read_before = await read_all(life.log)
        past = await pasts(life, before, life.last)
        events = await life.all()

        filed = await life.file(store)
        assert filed.until == max(r.sequence for r in events if r.group == GROUP)
        assert filed.events == sum(r.group == GROUP for r in events)
        assert await life.subjects() == (["BatchFiled"], {})
        await reached(store, await life.log.last_sequence())
        after = await everything(store)
        assert as_before(after) == as_before(before)
        assert after[1]["batch-x"].exports == filed.exports
        assert after[0] == before[0]

        assert [
            [r for r in found if not isinstance(r.event, BatchFiled)]
            for found in await read_all(life.log)
        ] == read_before
        assert await pasts(life, after, life.last) == past
        assert await differences(life.log, store) == []
        await built(life.log, store)
        assert await everything(store) == after
        assert await differences(life.log, store) == []
        assert [b.batch_id async for b in candidates(store, after[1]["batch-x"].updated_at)] == []


async def test_a_projection_that_was_anywhere_before_comes_to_the_same(life, store, tmp_path):
    async with projecting(life.log, store):
        events = await life.all()
        marks = sorted({1, 2, 3, len(events) // 3, len(events) // 2, len(events) - 2, len(events)})
        stretches = [events[:mark] for mark in marks]
        await life.file(store)
        last = await life.log.last_sequence()
        await reached(store, last)
        wanted = await everything(store)
    for mark, stretch in zip(marks, stretches, strict=True):
        folder = tmp_path / str(mark)
        folder.mkdir()
        async with opened("sqlite", folder) as other:
            await EventApplier(life.log, other, 0).apply(stretch)
            async with projecting(life.log, other):
                await reached(other, last)
                assert await everything(other) == wanted


async def test_documents_that_are_behind_the_filing_are_no_difference(life, store):
    async with projecting(life.log, store):
        await reached(store, await life.log.last_sequence())
    before = await everything(store)
    await life.file(store)  # with nobody who projects
    report = await checked(life.log, store)
    assert report.differences == []
    assert report.reflected < report.last
    assert await everything(store) == before
    async with projecting(life.log, store):
        await reached(store, report.last)
        assert as_before(await everything(store)) == as_before(before)


async def test_a_filed_batch_can_be_deleted_and_nothing_else(life, store):
    async with projecting(life.log, store):
        await life.file(store)
        for _ in range(2):  # as decided, and as folded from what is left
            for command, code in [
                (RestartJob(job_id="job-x.1"), "conflict"),
                (DeleteJob(job_id="job-x.1"), "conflict"),
                (AddJob(batch_id="batch-x", job=spec("s")), "conflict"),
                (SetBatchActive(batch_id="batch-x"), "conflict"),
                (SetBatchArchived(batch_id="batch-x", archived=False), "conflict"),
                (
                    SubmitBatch(
                        batch_id="x",
                        batch_name="x",
                        jobs=[],
                        owner="ann",
                        access=(await everything(store))[1]["batch-x"].access,
                    ),
                    "conflict",
                ),
            ]:
                reply = await life.do(command)
                assert isinstance(reply, Declined), command
                assert reply.code == code
            again = SetBatchArchived(batch_id="batch-x", archived=True)
            assert isinstance(await life.do(again), Accepted)
            denied = await life.do(DeleteBatch(batch_id="batch-x"), caller=Caller("eve"))
            assert denied.code == "permission_denied"
            first = life.machine.tasks[0]
            await life.machine.replace(first)
            life.machine.tasks.insert(0, life.machine.tasks.pop())
        exports = references((await everything(store))[1]["batch-x"])
        assert isinstance(await life.do(DeleteBatch(batch_id="batch-x")), Accepted)
        assert await life.subjects() == (["BatchDeleted"], {})
        await reached(store, await life.log.last_sequence())
        jobs, batches = await everything(store)
        assert "batch-x" not in batches
        assert not [job for job in jobs if job.startswith("job-x.")]
        assert await store.unreferenced(exports) == exports
        later = max(batch.updated_at for batch in batches.values()).replace(year=2099)
        assert set(await store.orphans(later, 10_000)) >= exports
        assert await differences(life.log, store) == []
        await built(life.log, store)
        assert await everything(store) == (jobs, batches)


async def test_a_zip_can_still_be_built(life, store):
    async with projecting(life.log, store):
        await life.file(store)
        assert isinstance(await life.do(BuildBatchZip(batch_id="batch-x")), Accepted)
        await life.settled(1, "BatchZipBuilt")
        assert await life.subjects() == (["BatchFiled", "BatchZipRequested", "BatchZipBuilt"], {})
        first = life.machine.tasks[0]
        await life.machine.replace(first)
        life.machine.tasks.insert(0, life.machine.tasks.pop())
        own, _ = await life.subjects()
        assert own == ["BatchFiled", "BatchZipRequested", "BatchZipBuilt"]
        await reached(store, await life.log.last_sequence())
        assert await differences(life.log, store) == []


@pytest.mark.parametrize("purged", ["nothing", "own", "all"])
async def test_a_crash_after_the_filing_leaves_no_difference(life, store, purged):
    async with projecting(life.log, store):
        await reached(store, life.last)
        before = as_before(await everything(store))
        read_before = await read_all(life.log)
        purge, calls = life.machine.events.purge.__func__, []

        async def dying(log, subject, keep=0, before=0):
            calls.append(subject)
            if purged == "nothing" or (purged == "own" and subject != event_subject(GROUP)):
                raise asyncio.CancelledError
            await purge(log, subject, keep, before)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("eventjob.bus.log.log.EventLog.purge", dying)
            filing = asyncio.create_task(life.file(store))
            async with asyncio.timeout(20):
                while not calls or (purged == "all" and not filing.done()):
                    await asyncio.sleep(0.01)
            await asyncio.wait({life.machine.tasks[0]}, timeout=2)
            await reached(store, await life.log.last_sequence())
            found = [
                [r for r in records if not isinstance(r.event, BatchFiled)]
                for records in await read_all(life.log)
            ]
            assert found == read_before
            await built(life.log, store)
            assert as_before(await everything(store)) == before
            filing.cancel()
            await asyncio.wait({filing})
        life.machine.tasks.pop(0)
        await life.machine.schedule("two")
        assert await life.subjects() == (["BatchFiled"], {})
        assert as_before(await everything(store)) == before
        assert await differences(life.log, store) == []


async def test_what_moved_on_or_is_not_at_rest_is_left_alone(life, store):
    exports = [Export(sha256="e" * 64, events=1)]
    until = max(r.sequence for r in await life.log.read(GROUP))
    stale = FileBatch(batch_id="batch-x", until=until - 1, exports=exports)
    right = FileBatch(batch_id="batch-x", until=until, exports=exports)
    other = FileBatch(batch_id="batch-y", until=until, exports=exports)
    assert (await life.do(stale, caller=ROOT)).code == "conflict"
    assert (await life.do(right)).code == "permission_denied"
    assert (await life.do(other, "b-y", caller=ROOT)).code == "conflict"
    async with projecting(life.log, store):
        await reached(store, life.last)
        batch = (await store.batches({GROUP}))[GROUP]
        at_once = batch.updated_at.replace(year=2099)
        assert [b.batch_id async for b in candidates(store, at_once)] == ["batch-x"]
        assert [b.batch_id async for b in candidates(store, batch.updated_at)] == []
        refused = r"is still running|has changed since it was exported"
        with pytest.raises(NotRetirable, match=refused):
            await life.file(store, TooLate(life))
        await life.settled(4)
        own, jobs = await life.subjects()
        assert "BatchFiled" not in own
        assert len(jobs) == JOBS
        await life.file(store)
        assert await life.subjects() == (["BatchFiled"], {})
        assert await differences(life.log, store) == []


class TooLate:
    """Somebody restarts a job between the export and the filing."""

    def __init__(self, life):
        self.life = life

    async def send(self, command, *, group, caller):
        assert isinstance(await self.life.do(RestartJob(job_id="job-x.1")), Accepted)
        return await self.life.machine.commands.send(command, group=group, caller=caller)
