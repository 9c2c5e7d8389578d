"""What a batch's document shows after each event of its group."""

import pytest
from recorded_events import TIMEOUT, Log
from tables import row, table

from eventjob.contracts.events import (
    BatchArchived,
    BatchCompleted,
    BatchDeleted,
    BatchPaused,
    BatchResumed,
    BatchUnarchived,
    JobDeleted,
    JobsFailed,
)
from eventjob.projection.fold import affected_documents, fold, split_events
from eventjob.projection.fold_batch import Counts, count_states


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def group(log):
    return log.batch(4)


def batch_of(log):
    (batch,) = fold(log.records, {}, {}).batches
    return batch


def test_a_new_batch_is_processing_and_all_its_jobs_wait(log):
    log.batch(4)
    batch = batch_of(log)
    assert (batch.batch_id, batch.group, batch.batch_name) == ("batch-x", "b-x", "A batch")
    assert (batch.status, batch.states, batch.active, batch.archived) == (
        "processing", "pppp", True, False
    )  # fmt: skip
    assert (batch.owner, batch.sequence) == ("ann", 2)


def test_its_jobs_are_numbered_and_keep_their_order(log):
    log.batch(4)
    jobs = fold(log.records, {}, {}).jobs
    assert [job.job_id for job in jobs] == [f"job-x.{n}" for n in (1, 2, 3, 4)]
    assert sorted(jobs, key=lambda job: job.position) == list(jobs)
    assert {job.batch_id for job in jobs} == {"batch-x"}
    assert {job.owner for job in jobs} == {"ann"}


def test_a_letter_follows_each_job(log, group):
    log.start(group, [1, 2, 3])
    log.fetch(group, 1)
    log.complete(group, 1)
    log.fail(group, 2)
    log.retry(group, 3)
    log.start(group, [4])
    assert batch_of(log).states == "cfpr"


def test_a_deleted_job_counts_no_more(log, group):
    log.add(group, 2, JobDeleted(job_id="job-x.2", at=log.at))
    log.start(group, [2, 3])
    changes = fold(log.records, {}, {})
    assert changes.batches[0].states == "pdrp"
    assert [job.n for job in changes.jobs] == [1, 3, 4]
    assert set(changes.deleted_jobs) == {"job-x.2"}
    assert count_states("pdrp") == Counts(total=3, pending=2, processing=1, completed=0, failed=0)


def test_failing_all_leaves_ended_jobs_alone(log, group):
    log.complete(group, 1)
    log.start(group, [2])
    log.add(group, None, JobsFailed(numbers=[1, 2, 3], error=TIMEOUT, at=log.at))
    changes = fold(log.records, {}, {})
    assert changes.batches[0].states == "cffp"
    assert [job.status for job in changes.jobs] == ["completed", "failed", "failed", "pending"]


def finish(log, group, status="completed"):
    for n in (1, 2, 3, 4):
        log.complete(group, n)
    log.add(group, None, BatchCompleted(status=status, at=log.at))


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_a_batch_ends_as_its_event_says(log, group, status):
    finish(log, group, status)
    batch = batch_of(log)
    assert (batch.status, batch.completed_at) == (status, batch.updated_at)


@table(
    "again",
    row("a restart", lambda log, group: log.restart(group, 2)),
    row("one more job", lambda log, group: log.more(group, 5)),
)
def test_what_is_unfinished_again_takes_an_ended_batch_back(log, group, again):
    finish(log, group)
    again(log, group)
    batch = batch_of(log)
    assert (batch.status, batch.completed_at) == ("processing", None)
    assert "p" in batch.states


def test_a_batch_is_paused_and_put_away_and_taken_back(log, group):
    for event, expected in [
        (BatchPaused, (False, False)),
        (BatchArchived, (False, True)),
        (BatchResumed, (True, True)),
        (BatchUnarchived, (True, False)),
    ]:
        last = log.add(group, None, event(at=log.at))
        batch = batch_of(log)
        assert (batch.active, batch.archived) == expected
        assert (batch.sequence, batch.updated_at) == (last.sequence, last.event.at)


def test_a_deleted_batch_takes_its_jobs_along(log, group):
    log.start(group, [1])
    log.add(group, None, BatchDeleted(batch_id="batch-x", at=log.at))
    log.complete(group, 1)
    changes = fold(log.records, {}, {})
    assert (list(changes.jobs), list(changes.batches)) == ([], [])
    assert set(changes.deleted_groups) == {group}


def test_events_of_an_unknown_batch_do_nothing(log):
    log.start("b-gone", [1])
    log.complete("b-gone", 1)
    changes = fold(log.records, {}, {})
    assert (list(changes.jobs), list(changes.batches), changes.checkpoint) == ([], [], 2)


def test_only_what_changed_is_written(log, group):
    before = fold(log.records, {}, {})
    jobs = {job.job_id: job for job in before.jobs}
    later = [log.start(group, [3])]
    changes = fold(later, jobs, {group: before.batches[0]}, after=2)
    assert [job.n for job in changes.jobs] == [3]
    assert (changes.after, changes.checkpoint) == (2, 3)


def test_what_a_stretch_touches_is_named_and_what_it_creates_is_not(log, group):
    log.start(group, [1, 3])
    log.complete(group, 2)
    log.submit("job-a")
    wanted = affected_documents(log.records)
    assert wanted.job_ids == {"job-x.1", "job-x.2", "job-x.3"}
    assert wanted.groups == {group}


def test_a_long_stretch_is_cut_between_events(log):
    log.batch(1000)
    log.submit()
    parts = list(split_events(log.records, 250))
    assert [record for part in parts for record in part] == log.records
    assert [len(part) for part in parts] == [4, 3, 3, 2]


def test_what_the_documents_reflect_already_changes_nothing(log, group):
    old = log.complete(group, 1)
    log.restart(group, 1)
    before = fold(log.records, {}, {})
    jobs = {job.job_id: job for job in before.jobs}
    new = log.add(group, None, BatchPaused(at=log.at))
    after = fold([old, new], jobs, {group: before.batches[0]})
    assert list(after.jobs) == []
    assert (after.batches[0].states, after.batches[0].active) == ("pppp", False)
