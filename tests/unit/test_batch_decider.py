"""What a command makes happen to a batch or a job alone, as tables of sentences."""

import pytest
from builders import (
    ALONE,
    AT,
    OWNER,
    POLICY,
    add_job,
    attempt_failed,
    batch_completed,
    batch_deleted,
    batch_submitted,
    cancelled,
    folded,
    job_completed,
    job_deleted,
    job_failed,
    job_fetched,
    job_restarted,
    job_spec,
    job_submitted,
    jobs_added,
    jobs_failed,
    jobs_started,
    on_group,
    on_job,
    submit_batch,
    submit_job,
)

from eventjob.contracts.base import Access
from eventjob.contracts.commands import (
    DeleteBatch,
    DeleteJob,
    RestartJob,
    SetBatchActive,
    SetBatchArchived,
)
from eventjob.contracts.events import BatchArchived, BatchPaused, BatchResumed, BatchUnarchived
from eventjob.domain import decide
from eventjob.domain.access import Caller
from eventjob.domain.decide import Context
from eventjob.domain.ids import group_of

NOW = Context(Caller(OWNER), AT, POLICY)
SHARED = Access(write_access=("bob",))

LONE = [on_group(job_submitted(), ALONE)]
BATCH = [on_group(batch_submitted()), on_group(jobs_added())]
PAUSED = [*BATCH, on_group(BatchPaused(at=AT))]
ARCHIVED = [*BATCH, on_group(BatchArchived(at=AT))]
STARTED = [*BATCH, on_group(jobs_started(1, 2))]
DONE = [*STARTED]
for n in (1, 2):
    DONE += [on_job(n, job_fetched()), on_job(n, job_completed())]
HALF = [*STARTED, on_job(1, job_failed())]
ALL_FAILED = [*HALF, on_job(2, job_failed())]
REOPENED = [*DONE, on_group(batch_completed()), on_job(1, job_restarted())]
ENLARGED = [*DONE, on_group(batch_completed()), on_group(jobs_added(first=3, jobs=[job_spec()]))]
EMPTY = [on_group(batch_submitted(total_jobs=0))]
KEYED = [*BATCH, on_group(jobs_added(first=3, jobs=[job_spec()], key="k", request_hash="1"))]


@pytest.mark.parametrize(
    ("given", "when", "then"),
    [
        pytest.param(
            [], submit_job(), [on_group(job_submitted(), ALONE)], id="a new job is submitted"
        ),
        pytest.param(
            [],
            submit_batch(request_hash="1"),
            [on_group(batch_submitted(request_hash="1")), on_group(jobs_added())],
            id="a batch is submitted with its jobs",
        ),
        pytest.param(
            [],
            submit_batch(jobs=[]),
            [on_group(batch_submitted(total_jobs=0))],
            id="a batch may be empty",
        ),
        pytest.param(
            [on_group(job_submitted(request_hash="1"), ALONE)],
            submit_job(request_hash="1"),
            [],
            id="the same request again submits nothing",
        ),
        pytest.param(
            [on_group(batch_submitted(request_hash="1"))],
            submit_batch(request_hash="1"),
            [],
            id="the same batch again submits nothing",
        ),
        pytest.param(
            BATCH,
            add_job(),
            [on_group(jobs_added(first=3, jobs=[job_spec()]))],
            id="an added job has the next number, and the batch's owner and access",
        ),
        pytest.param(
            [*BATCH, on_job(2, job_deleted(job_id="job-x.2"))],
            add_job(),
            [on_group(jobs_added(first=3, jobs=[job_spec()]))],
            id="the number of a deleted job is not used again",
        ),
        pytest.param(KEYED, add_job(key="k", request_hash="1"), [], id="the same addition again"),
        pytest.param(
            [*KEYED, on_group(BatchArchived(at=AT))],
            add_job(key="k", request_hash="1"),
            [],
            id="the same addition again, though the batch was archived since",
        ),
        pytest.param(
            KEYED,
            add_job(key="other", request_hash="1"),
            [on_group(jobs_added(first=4, jobs=[job_spec()], key="other", request_hash="1"))],
            id="the same addition under another key is another one",
        ),
        pytest.param(
            HALF,
            RestartJob(job_id="job-x.1"),
            [on_job(1, job_restarted())],
            id="a batch's job is restarted on its own subject",
        ),
        pytest.param(
            LONE,
            RestartJob(job_id="job-1"),
            [on_job(1, job_restarted(), ALONE)],
            id="a job alone is restarted on its own subject",
        ),
        pytest.param(
            BATCH,
            DeleteJob(job_id="job-x.2"),
            [on_job(2, job_deleted(job_id="job-x.2"))],
            id="a batch's job leaves its tombstone on its own subject",
        ),
        pytest.param(
            LONE,
            DeleteJob(job_id="job-1"),
            [on_group(job_deleted(), ALONE)],
            id="a job alone leaves its tombstone on its group's subject",
        ),
        pytest.param(
            BATCH,
            SetBatchActive(batch_id="batch-x"),
            [on_group(BatchPaused(at=AT))],
            id="an active batch is flipped",
        ),
        pytest.param(
            PAUSED,
            SetBatchActive(batch_id="batch-x"),
            [on_group(BatchResumed(at=AT))],
            id="an inactive batch is flipped",
        ),
        pytest.param(
            PAUSED, SetBatchActive(batch_id="batch-x", active=False), [], id="pause twice"
        ),
        pytest.param(BATCH, SetBatchActive(batch_id="batch-x", active=True), [], id="resume twice"),
        pytest.param(
            BATCH,
            SetBatchArchived(batch_id="batch-x", archived=True),
            [on_group(BatchArchived(at=AT))],
            id="a batch is put away",
        ),
        pytest.param(
            ARCHIVED, SetBatchArchived(batch_id="batch-x", archived=True), [], id="put away twice"
        ),
        pytest.param(
            ARCHIVED,
            SetBatchArchived(batch_id="batch-x", archived=False),
            [on_group(BatchUnarchived(at=AT))],
            id="a batch is taken back",
        ),
        pytest.param(
            STARTED,
            DeleteBatch(batch_id="batch-x"),
            [on_group(batch_deleted())],
            id="a batch is deleted with one tombstone",
        ),
    ],
)
def test_a_group_decides(given, when, then):
    assert decide.decide(when, folded(given, group_of(when)), NOW) == then


@pytest.mark.parametrize(
    ("given", "numbers"),
    [
        pytest.param(BATCH, [1, 2], id="waiting jobs are failed"),
        pytest.param(STARTED, [1, 2], id="running jobs are failed"),
        pytest.param([*STARTED, on_job(1, job_fetched())], [1, 2], id="a job whose ZIP is built"),
        pytest.param(HALF, [2], id="a finished job is left alone"),
        pytest.param([*STARTED, on_job(2, job_deleted())], [1], id="a deleted job is left alone"),
        pytest.param([*STARTED, on_job(1, attempt_failed())], [1, 2], id="a job that tries again"),
        pytest.param(PAUSED, [1, 2], id="a paused batch is failed"),
        pytest.param(ARCHIVED, [], id="an archived batch is left alone"),
        pytest.param(DONE, [], id="a finished batch is left alone"),
        pytest.param([*BATCH, on_group(batch_deleted())], [], id="a deleted batch is left alone"),
        pytest.param(EMPTY, [], id="an empty batch is left alone"),
        pytest.param([], [], id="what is not there is left alone"),
    ],
)
def test_fail_all_fails(given, numbers):
    expected = [on_group(jobs_failed(*numbers))] if numbers else []
    assert decide.fail_all(folded(given), NOW) == expected


def test_fail_all_leaves_a_job_alone():
    assert decide.fail_all(folded(LONE, ALONE), NOW) == []


@pytest.mark.parametrize(
    ("access", "caller", "who"),
    [
        pytest.param(SHARED, Caller("bob"), "bob", id="a writer is named"),
        pytest.param(SHARED, Caller("eve"), None, id="a stranger fails nothing"),
        pytest.param(SHARED, Caller(None), None, id="nobody fails nothing"),
        pytest.param(SHARED, Caller(None, trusted=True), "an anonymous caller", id="an open door"),
    ],
)
def test_fail_all_says_who(access, caller, who):
    group = folded([on_group(batch_submitted(access=access)), on_group(jobs_added())])
    drafts = decide.fail_all(group, Context(caller, AT, POLICY))
    assert [draft.event.error for draft in drafts] == ([cancelled(who)] if who else [])


@pytest.mark.parametrize(
    ("given", "status"),
    [
        pytest.param(STARTED, None, id="an unfinished batch is not settled"),
        pytest.param(HALF, None, id="a half finished batch is not settled"),
        pytest.param(DONE, "completed", id="all jobs completed"),
        pytest.param(ALL_FAILED, "failed", id="all jobs failed"),
        pytest.param(
            [*HALF, on_job(2, job_fetched()), on_job(2, job_completed())],
            "completed",
            id="one job failed",
        ),
        pytest.param(EMPTY, "completed", id="an empty batch is complete at once"),
        pytest.param(
            [*HALF, on_job(2, job_deleted())], "failed", id="the only jobs left have failed"
        ),
        pytest.param(
            [*BATCH, on_job(1, job_deleted()), on_job(2, job_deleted())],
            "completed",
            id="no job is left",
        ),
        pytest.param([*BATCH, on_group(jobs_failed(1, 2))], "failed", id="a person failed all"),
        pytest.param(
            [*DONE, on_group(batch_completed())], None, id="what was said is not repeated"
        ),
        pytest.param(REOPENED, None, id="a restart opens the batch again"),
        pytest.param(
            [*REOPENED, on_job(1, job_failed(attempt=2))],
            "completed",
            id="a batch that was opened again is settled again",
        ),
        pytest.param(
            ENLARGED,
            None,
            id="an added job opens the batch again",
        ),
        pytest.param(
            [*ENLARGED, on_job(3, job_deleted())],
            "completed",
            id="a batch that a job was added to is settled again",
        ),
        pytest.param([*DONE, on_group(batch_deleted())], None, id="a deleted batch stays silent"),
        pytest.param(LONE, None, id="a job alone is no batch"),
        pytest.param([], None, id="what is not there is not settled"),
    ],
)
def test_a_batch_settles(given, status):
    expected = [] if status is None else [on_group(batch_completed(status))]
    assert decide.complete_batch(folded(given), AT) == expected


def test_a_deleted_job_can_change_what_was_announced():
    mixed = [*HALF, on_job(2, job_fetched()), on_job(2, job_completed())]
    announced = [*mixed, on_group(batch_completed())]
    assert decide.complete_batch(folded(announced), AT) == []
    only_failed = folded([*announced, on_job(2, job_deleted())])
    assert decide.complete_batch(only_failed, AT) == [on_group(batch_completed("failed"))]
