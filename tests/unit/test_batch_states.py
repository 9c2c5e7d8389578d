"""What events make of a group: counts that stay true, and nothing beyond a tombstone."""

import pytest
from builders import (
    ALONE,
    AT,
    DEADLINE,
    OWNER,
    attempt_failed,
    batch_completed,
    batch_deleted,
    batch_submitted,
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
)
from tables import row, table

from eventjob.contracts.events import BatchArchived, BatchPaused, BatchResumed, BatchUnarchived
from eventjob.domain.access import private_access
from eventjob.domain.job import Ended, Fetching, Waiting

LONE = [on_group(job_submitted(), ALONE)]
BATCH = [on_group(batch_submitted()), on_group(jobs_added())]
STARTED = [*BATCH, on_group(jobs_started(1, 2))]
DONE = [*STARTED, on_job(1, job_fetched()), on_job(1, job_completed())]
FAILED = [*STARTED, on_job(1, job_failed())]


@table(
    "given, present, unfinished, failed",
    row("nothing", [], 0, 0, 0),
    row("a job alone", LONE, 1, 1, 0),
    row("waiting jobs", BATCH, 2, 2, 0),
    row("running jobs", STARTED, 2, 2, 0),
    row("a failed attempt", [*STARTED, on_job(1, attempt_failed())], 2, 2, 0),
    row("a completed job", DONE, 2, 1, 0),
    row("a failed job", FAILED, 2, 1, 1),
    row("a restarted job", [*FAILED, on_job(1, job_restarted())], 2, 2, 0),
    row("a deleted failed job", [*FAILED, on_job(1, job_deleted())], 1, 1, 0),
    row("a deleted completed job", [*DONE, on_job(1, job_deleted())], 1, 1, 0),
    row("a deleted waiting job", [*BATCH, on_job(1, job_deleted())], 1, 1, 0),
    row("deleted twice", [*BATCH, *[on_job(1, job_deleted())] * 2], 1, 1, 0),
    row("jobs failed by hand", [*BATCH, on_group(jobs_failed(1, 2))], 2, 0, 2),
    row("one was completed", [*DONE, on_group(jobs_failed(1, 2))], 2, 0, 1),
    row("added jobs", [*DONE, on_group(jobs_added(first=3))], 4, 3, 0),
    row("a deleted batch", [*FAILED, on_group(batch_deleted())], 0, 0, 0),
    row("a deleted job alone", [*LONE, on_group(job_deleted(), ALONE)], 0, 0, 0),
    row("an event of an unknown job", [*BATCH, on_job(3, job_failed())], 2, 2, 0),
    row(
        "lists that name an unknown job",
        [*BATCH, on_group(jobs_started(3)), on_group(jobs_failed(3, 0))],
        2,
        2,
        0,
    ),
)
def test_a_group_counts(given, present, unfinished, failed):
    group = folded(given)
    assert (group.present, group.unfinished, group.failed) == (present, unfinished, failed)


@pytest.mark.parametrize("tombstone", [batch_deleted(), job_deleted()], ids=["batch", "job alone"])
@pytest.mark.parametrize("before", [[], STARTED], ids=["known by its tombstone alone", "known"])
def test_nothing_happens_to_what_is_deleted(before, tombstone):
    late = [*BATCH, on_group(batch_completed()), on_group(BatchPaused(at=AT)), *DONE]
    gone = folded([*before, on_group(tombstone)])
    after = folded([*before, on_group(tombstone), *late])
    assert vars(after) == vars(gone)
    assert (after.existence, after.jobs, after.hosts) == ("deleted", [], [])


def test_a_submission_says_whose_it_is():
    group = folded([on_group(batch_submitted(request_hash="1"))])
    assert (group.existence, group.batch_id, group.owner) == ("here", "batch-x", OWNER)
    assert (group.access, group.request_hash) == (private_access(OWNER), "1")


def test_jobs_keep_their_hosts():
    specs = [job_spec(host=host) for host in ("a", "b")]
    group = folded([on_group(batch_submitted()), on_group(jobs_added(jobs=specs))])
    assert [group.host(n) for n in (0, 1, 2, 3)] == ["", "a", "b", ""]
    assert [group.job(n) for n in (0, 1, 2, 3)] == [None, Waiting(1), Waiting(1), None]


def test_a_list_of_starts_moves_each_job_by_itself():
    group = folded([*FAILED, on_group(jobs_started(1, 2, attempt=2))])
    assert group.jobs == [Ended(1, "failed"), Fetching(2, 0, DEADLINE)]


def test_a_batch_is_switched():
    switches = [BatchPaused, BatchArchived, BatchResumed, BatchUnarchived]
    seen = []
    for count in range(len(switches) + 1):
        group = folded([*BATCH, *(on_group(switch(at=AT)) for switch in switches[:count])])
        seen.append((group.active, group.archived))
    assert seen == [(True, False), (False, False), (False, True), (True, True), (True, False)]


def test_a_log_that_deletes_have_purged_folds_to_the_same_outcome():
    """Jobs that were done when the batch was completed look unfinished there until they go."""
    purged = [*STARTED, on_group(batch_completed()), on_job(1, job_deleted())]
    assert folded(purged).outcome == "completed"
    assert folded([*purged, on_job(2, job_deleted())]).outcome == "completed"
