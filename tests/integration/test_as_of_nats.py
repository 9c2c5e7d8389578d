"""The past out of a real log: after purges, and of batches that fill many pages."""

from types import SimpleNamespace

import pytest
from rebuilding import append
from recorded_events import Log
from stores import BEGINNING

from eventjob.bus import subjects
from eventjob.bus.errors import Unavailable
from eventjob.contracts.events import JobDeleted
from eventjob.projection.fold import fold
from eventjob.projection.fold_batch import count_states
from services.api.operations.time_travel import batch_as_of, job_as_of
from services.api.response.errors import Problem

LATER = BEGINNING.replace(year=2040)


def lives(size):
    """Two batches and a job alone, their events mixed."""
    made = Log()
    made.submit()
    groups = [made.batch(size), made.batch(size, "batch-y")]
    for n in range(1, size + 1):
        for group in groups:
            made.start(group, [n])
            if n % 3:
                made.retry(group, n)
            made.fetch(group, n, attempt=2)
            made.complete(group, n, attempt=2)
    return made


async def test_every_page_counts(log):
    made = lives(700)
    await append(log, made.records)
    now = {batch.group: batch for batch in fold(made.records, {}, {}).batches}
    assert [r async for page in log.read_with_jobs("b-y") for r in page] == [
        r for r in written(made.records) if r.group == "b-y"
    ]
    for moment in (15, 17, 500, 2000, len(made.records) - 1, len(made.records), 10**18, LATER):
        past = made.records[:moment] if isinstance(moment, int) else made.records
        for then in fold(past, {}, {}).batches:
            assert await batch_as_of(log, now[then.group], moment) == then


def written(records):
    return [type(r)(r.sequence, r.group, r.n, r.event, "", "ann") for r in records]


async def test_a_job_is_what_the_fold_says_at_every_event(log):
    made = lives(4)
    await append(log, made.records)
    for job in fold(made.records, {}, {}).jobs:
        for sequence in range(1, len(made.records) + 1):
            found = {j.job_id: j for j in fold(made.records[:sequence], {}, {}).jobs}
            if job.job_id in found:
                assert await job_as_of(log, job, sequence) == found[job.job_id]
            else:
                with pytest.raises(Problem, match="did not exist yet as of event"):
                    await job_as_of(log, job, sequence)


async def test_before_the_deletion_of_a_job_its_batch_still_adds_up(log):
    made = lives(3)
    made.add("b-x", 2, JobDeleted(job_id="job-x.2", at=made.at))
    last = len(made.records)
    await append(log, made.records)
    await log.purge(subjects.event_subject("b-x", 2), keep=1)
    batch = SimpleNamespace(group="b-x", batch_id="batch-x")
    for sequence in range(3, last + 1):
        then = count_states((await batch_as_of(log, batch, sequence)).states)
        assert then.total == (2 if sequence == last else 3)
        assert then.total == then.pending + then.processing + then.completed + then.failed
    assert (await batch_as_of(log, batch, last - 1)).states == "crc"  # all that the log still knows
    assert (await batch_as_of(log, batch, last)).states == "cdc"


async def test_what_was_purged_is_not_found(log):
    made = lives(2)
    await append(log, made.records)
    batch = SimpleNamespace(group="b-x", batch_id="batch-x")
    await log.purge(subjects.event_subject("b-x") + ".*")
    await log.purge(subjects.event_subject("b-x"))
    with pytest.raises(Problem, match="did not exist yet"):
        await batch_as_of(log, batch, 99)


async def test_what_is_purged_meanwhile_cannot_be_had(log, monkeypatch):
    monkeypatch.setattr("eventjob.bus.log.log.ANSWER_WITHIN_S", 0.2)
    monkeypatch.setattr("eventjob.bus.log.log.READ_AHEAD", 100)
    made = lives(700)
    await append(log, made.records)
    with pytest.raises(Unavailable, match="purged"):
        async for _page in log.read_with_jobs("b-x"):
            await log.purge(subjects.event_subject("b-x") + ".*")
