"""What a command makes happen to a batch or a job alone, as tables of sentences."""

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
from tables import row, table

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


@table(
    "given, when, then",
    row("a new job is submitted", [], submit_job(), [on_group(job_submitted(), ALONE)]),
    row(
        "a batch is submitted with its jobs",
        [],
        submit_batch(request_hash="1"),
        [on_group(batch_submitted(request_hash="1")), on_group(jobs_added())],
    ),
    row(
        "a batch may be empty", [], submit_batch(jobs=[]), [on_group(batch_submitted(total_jobs=0))]
    ),
    row(
        "the same request again submits nothing",
        [on_group(job_submitted(request_hash="1"), ALONE)],
        submit_job(request_hash="1"),
        [],
    ),
    row(
        "the same batch again submits nothing",
        [on_group(batch_submitted(request_hash="1"))],
        submit_batch(request_hash="1"),
        [],
    ),
    row(
        "an added job has the next number, and the batch's owner and access",
        BATCH,
        add_job(),
        [on_group(jobs_added(first=3, jobs=[job_spec()]))],
    ),
    row(
        "the number of a deleted job is not used again",
        [*BATCH, on_job(2, job_deleted(job_id="job-x.2"))],
        add_job(),
        [on_group(jobs_added(first=3, jobs=[job_spec()]))],
    ),
    row("the same addition again", KEYED, add_job(key="k", request_hash="1"), []),
    row(
        "the same addition again, though the batch was archived since",
        [*KEYED, on_group(BatchArchived(at=AT))],
        add_job(key="k", request_hash="1"),
        [],
    ),
    row(
        "the same addition under another key is another one",
        KEYED,
        add_job(key="other", request_hash="1"),
        [on_group(jobs_added(first=4, jobs=[job_spec()], key="other", request_hash="1"))],
    ),
    row(
        "a batch's job is restarted on its own subject",
        HALF,
        RestartJob(job_id="job-x.1"),
        [on_job(1, job_restarted())],
    ),
    row(
        "a job alone is restarted on its own subject",
        LONE,
        RestartJob(job_id="job-1"),
        [on_job(1, job_restarted(), ALONE)],
    ),
    row(
        "a batch's job leaves its tombstone on its own subject",
        BATCH,
        DeleteJob(job_id="job-x.2"),
        [on_job(2, job_deleted(job_id="job-x.2"))],
    ),
    row(
        "a job alone leaves its tombstone on its group's subject",
        LONE,
        DeleteJob(job_id="job-1"),
        [on_group(job_deleted(), ALONE)],
    ),
    row(
        "an active batch is flipped",
        BATCH,
        SetBatchActive(batch_id="batch-x"),
        [on_group(BatchPaused(at=AT))],
    ),
    row(
        "an inactive batch is flipped",
        PAUSED,
        SetBatchActive(batch_id="batch-x"),
        [on_group(BatchResumed(at=AT))],
    ),
    row("pause twice", PAUSED, SetBatchActive(batch_id="batch-x", active=False), []),
    row("resume twice", BATCH, SetBatchActive(batch_id="batch-x", active=True), []),
    row(
        "a batch is put away",
        BATCH,
        SetBatchArchived(batch_id="batch-x", archived=True),
        [on_group(BatchArchived(at=AT))],
    ),
    row("put away twice", ARCHIVED, SetBatchArchived(batch_id="batch-x", archived=True), []),
    row(
        "a batch is taken back",
        ARCHIVED,
        SetBatchArchived(batch_id="batch-x", archived=False),
        [on_group(BatchUnarchived(at=AT))],
    ),
    row(
        "a batch is deleted with one tombstone",
        STARTED,
        DeleteBatch(batch_id="batch-x"),
        [on_group(batch_deleted())],
    ),
)
def test_a_group_decides(given, when, then):
    assert decide.decide(when, folded(given, group_of(when)), NOW) == then


@table(
    "given, numbers",
    row("waiting jobs are failed", BATCH, [1, 2]),
    row("running jobs are failed", STARTED, [1, 2]),
    row("a job whose ZIP is built", [*STARTED, on_job(1, job_fetched())], [1, 2]),
    row("a finished job is left alone", HALF, [2]),
    row("a deleted job is left alone", [*STARTED, on_job(2, job_deleted())], [1]),
    row("a job that tries again", [*STARTED, on_job(1, attempt_failed())], [1, 2]),
    row("a paused batch is failed", PAUSED, [1, 2]),
    row("an archived batch is left alone", ARCHIVED, []),
    row("a finished batch is left alone", DONE, []),
    row("a deleted batch is left alone", [*BATCH, on_group(batch_deleted())], []),
    row("an empty batch is left alone", EMPTY, []),
    row("what is not there is left alone", [], []),
)
def test_fail_all_fails(given, numbers):
    expected = [on_group(jobs_failed(*numbers))] if numbers else []
    assert decide.fail_all(folded(given), NOW) == expected


def test_fail_all_leaves_a_job_alone():
    assert decide.fail_all(folded(LONE, ALONE), NOW) == []


@table(
    "access, caller, who",
    row("a writer is named", SHARED, Caller("bob"), "bob"),
    row("a stranger fails nothing", SHARED, Caller("eve"), None),
    row("nobody fails nothing", SHARED, Caller(None), None),
    row("an open door", SHARED, Caller(None, trusted=True), "an anonymous caller"),
)
def test_fail_all_says_who(access, caller, who):
    group = folded([on_group(batch_submitted(access=access)), on_group(jobs_added())])
    drafts = decide.fail_all(group, Context(caller, AT, POLICY))
    assert [draft.event.error for draft in drafts] == ([cancelled(who)] if who else [])


@table(
    "given, status",
    row("an unfinished batch is not settled", STARTED, None),
    row("a half finished batch is not settled", HALF, None),
    row("all jobs completed", DONE, "completed"),
    row("all jobs failed", ALL_FAILED, "failed"),
    row(
        "one job failed", [*HALF, on_job(2, job_fetched()), on_job(2, job_completed())], "completed"
    ),
    row("an empty batch is complete at once", EMPTY, "completed"),
    row("the only jobs left have failed", [*HALF, on_job(2, job_deleted())], "failed"),
    row(
        "no job is left", [*BATCH, on_job(1, job_deleted()), on_job(2, job_deleted())], "completed"
    ),
    row("a person failed all", [*BATCH, on_group(jobs_failed(1, 2))], "failed"),
    row("what was said is not repeated", [*DONE, on_group(batch_completed())], None),
    row("a restart opens the batch again", REOPENED, None),
    row(
        "a batch that was opened again is settled again",
        [*REOPENED, on_job(1, job_failed(attempt=2))],
        "completed",
    ),
    row("an added job opens the batch again", ENLARGED, None),
    row(
        "a batch that a job was added to is settled again",
        [*ENLARGED, on_job(3, job_deleted())],
        "completed",
    ),
    row("a deleted batch stays silent", [*DONE, on_group(batch_deleted())], None),
    row("a job alone is no batch", LONE, None),
    row("what is not there is not settled", [], None),
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
