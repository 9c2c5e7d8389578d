"""Who may have a batch's ZIP built, when, and what becomes of an attempt."""

from datetime import timedelta

import pytest
from builders import (
    ALONE,
    AT,
    DEADLINE,
    ERROR,
    POLICY,
    access,
    batch_deleted,
    batch_packed,
    batch_submitted,
    folded,
    job_completed,
    job_deleted,
    job_failed,
    job_fetched,
    job_restarted,
    job_submitted,
    jobs_added,
    jobs_started,
    on_group,
    on_job,
    work_failed,
    zip_built,
    zip_failed,
    zip_requested,
)
from tables import row, table

from eventjob.contracts.base import JobError
from eventjob.contracts.commands import BuildBatchZip
from eventjob.contracts.events import BatchArchived, BatchPaused
from eventjob.domain import batch_zip, decide
from eventjob.domain.access import Caller
from eventjob.domain.batch import ZipBuilding, ZipIdle
from eventjob.domain.decide import Context
from eventjob.domain.errors import Refused, StaleMemory

ASK = BuildBatchZip(batch_id="batch-x")
ACCESS = access(read_access=("rita",))
BATCH = [on_group(batch_submitted(access=ACCESS)), on_group(jobs_added(access=ACCESS))]
STARTED = [*BATCH, on_group(jobs_started(1, 2))]
HALF = [*STARTED, on_job(1, job_fetched()), on_job(1, job_completed())]
PAUSED = [*HALF, on_group(BatchPaused(at=AT))]
DONE = [*HALF, on_job(2, job_failed())]
ALL_FAILED = [*STARTED, on_job(1, job_failed()), on_job(2, job_failed())]
ASKED = [*DONE, on_group(zip_requested())]
BUILT = [*ASKED, on_group(zip_built())]
LOST = JobError(code="attempts_lost", message="no archiver reported within 15 minutes")
BUILDING = ZipBuilding(1, AT, DEADLINE)
PACK_FAILED = {"group": "b-x", "n": 0, "task": "archive"}


def outcome(given, user="ada"):
    return decide.decide(ASK, folded(given), Context(Caller(user), AT, POLICY))


@table(
    "given, then",
    row("of a batch that is done", DONE, [zip_requested()]),
    row("of a paused batch, what there is", PAUSED, [zip_requested()]),
    row("of a batch that was put away", [*DONE, on_group(BatchArchived(at=AT))], [zip_requested()]),
    row("nothing while one is being built", ASKED, []),
    row("again, under a number of its own", BUILT, [zip_requested(attempt=2)]),
)
def test_a_zip_is_built(given, then):
    assert outcome(given) == [on_group(event) for event in then]


@table(
    "given, user, code",
    row("an unknown batch", [], "ada", "not_found"),
    row("a job alone is no batch", [on_group(job_submitted(), ALONE)], "ada", "not_found"),
    row("a deleted batch", [*DONE, on_group(batch_deleted())], "ada", "not_found"),
    row("a stranger", DONE, "eve", "permission_denied"),
    row("a caller without name", DONE, None, "permission_denied"),
    row("a batch that runs", HALF, "ada", "conflict"),
    row("a batch that runs again", [*DONE, on_job(1, job_restarted())], "ada", "conflict"),
    row("nothing completed", ALL_FAILED, "ada", "not_found"),
    row("nothing completed is left", [*DONE, on_job(1, job_deleted())], "ada", "not_found"),
    row("paused too early", [*BATCH, on_group(BatchPaused(at=AT))], "ada", "not_found"),
)
def test_no_zip_is_built(given, user, code):
    with pytest.raises(Refused) as refusal:
        outcome(given, user)
    assert refusal.value.code == code


@pytest.mark.parametrize(("seconds", "is_asked"), [(0, False), (29, False), (30, True)])
def test_after_a_failure_it_is_tried_again_but_not_at_once(seconds, is_asked):
    """Seconds from when the failed attempt began: one that took long is tried again at once."""
    group = folded([*ASKED, on_group(zip_failed(at=AT + timedelta(seconds=20)))])
    now = Context(Caller("ada"), AT + timedelta(seconds=seconds), POLICY)
    assert bool(decide.decide(ASK, group, now)) == is_asked


def test_a_reader_may_ask():
    assert outcome(DONE, "rita") == [on_group(zip_requested())]


@table(
    "state, report, then",
    row("a success", BUILDING, batch_packed(), [zip_built()]),
    row("a failure", BUILDING, work_failed(**PACK_FAILED), [zip_failed()]),
    row("nothing when it comes again", ZipIdle(1), batch_packed(), []),
    row("nothing of an older attempt", ZipBuilding(2, AT, DEADLINE), batch_packed(), []),
)
def test_a_report_leads_to(state, report, then):
    assert batch_zip.decide_report(report, state, AT) == then


@pytest.mark.parametrize("state", [ZipIdle(0), ZipIdle(1), BUILDING])
def test_a_report_ahead_of_the_memory_means_that_it_is_stale(state):
    with pytest.raises(StaleMemory):
        batch_zip.decide_report(batch_packed(attempt=2), state, AT)


def test_an_attempt_that_nobody_reports_is_lost():
    assert batch_zip.lose_attempt(1, BUILDING, AT, POLICY) == [zip_failed(error=LOST)]
    assert batch_zip.lose_attempt(1, ZipIdle(1), AT, POLICY) == []
    assert batch_zip.lose_attempt(1, ZipBuilding(2, AT, DEADLINE), AT, POLICY) == []


def test_a_failure_keeps_its_reason():
    (event,) = batch_zip.decide_report(work_failed(**PACK_FAILED), BUILDING, AT)
    assert event.error == ERROR


def test_a_deleted_batch_builds_no_zip():
    assert folded([*ASKED, on_group(batch_deleted())]).zip == ZipIdle(1)
