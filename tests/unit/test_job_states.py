"""The life of one job: what each event makes of it, as tables."""

from datetime import timedelta

from builders import (
    AT,
    BUNDLE,
    DEADLINE,
    attempt_failed,
    failed_attempts,
    folded_job,
    job_completed,
    job_deleted,
    job_failed,
    job_fetched,
    job_restarted,
    jobs_started,
)
from tables import row, table

from eventjob.domain import job
from eventjob.domain.job import Archiving, Deleted, Ended, Fetching, Waiting

LATER = AT + timedelta(hours=1)

STARTED = [jobs_started()]
FETCHED = [*STARTED, job_fetched()]
COMPLETED = [*FETCHED, job_completed()]
FAILED = [*STARTED, job_failed()]


@table(
    "given, then",
    row("a new job waits for its first attempt", [], Waiting(1)),
    row("a started job is fetched", STARTED, Fetching(1, 0, DEADLINE)),
    row("a fetched job keeps its bundle", FETCHED, Archiving(1, 0, DEADLINE, BUNDLE)),
    row(
        "a failed attempt leads to the next one",
        [*STARTED, attempt_failed(retry_at=LATER)],
        Waiting(2, 1, LATER),
    ),
    row(
        "a postponement is not counted",
        [*FETCHED, attempt_failed(counted=False, retry_at=LATER)],
        Waiting(2, 0, LATER, AT),
    ),
    row(
        "a job knows since when it has been put off",
        [
            *failed_attempts(count=1, counted=False),
            attempt_failed(attempt=2, counted=False, retry_at=LATER, at=LATER),
            jobs_started(attempt=3),
        ],
        Fetching(3, 0, DEADLINE, AT),
    ),
    row(
        "a job that was let in is not put off any more",
        [*failed_attempts(count=1, counted=False), attempt_failed(attempt=2, retry_at=LATER)],
        Waiting(3, 1, LATER),
    ),
    row(
        "failed attempts are counted through the fetch",
        [*failed_attempts(count=2), job_fetched(attempt=3)],
        Archiving(3, 2, DEADLINE, BUNDLE),
    ),
    row("a built ZIP is an end", COMPLETED, Ended(1, "completed")),
    row("a failure is an end", FAILED, Ended(1, "failed")),
    row(
        "a restarted job forgets its failures",
        [*failed_attempts(count=2), job_restarted(attempt=4)],
        Waiting(4),
    ),
    row("a deleted job is gone", [*STARTED, job_deleted()], Deleted()),
    row(
        "nothing happens to a deleted job",
        [job_deleted(), *STARTED, job_fetched(), job_completed(), job_restarted()],
        Deleted(),
    ),
    row(
        "an ended job does not start", [*COMPLETED, jobs_started(attempt=2)], Ended(1, "completed")
    ),
)
def test_a_job_becomes(given, then):
    assert folded_job(given) == then


@table(
    "given, then",
    row("a waiting job fails", [], Ended(1, "failed")),
    row("a running job fails", failed_attempts(count=1), Ended(2, "failed")),
    row("a job whose ZIP is built fails", FETCHED, Ended(1, "failed")),
    row("a completed job stays so", COMPLETED, Ended(1, "completed")),
    row("a deleted job stays so", [job_deleted()], Deleted()),
)
def test_a_person_fails(given, then):
    assert job.failed(folded_job(given)) == then
