"""The life of one job, as tables: what each command makes of each state, and each event."""

from datetime import timedelta

import pytest
from builders import (
    ALONE,
    AT,
    BUNDLE,
    DEADLINE,
    ERROR,
    LINE,
    POLICY,
    archive_built,
    attempt_failed,
    failed_attempts,
    folded_job,
    job_completed,
    job_deleted,
    job_failed,
    job_fetched,
    job_restarted,
    jobs_started,
    session_fetched,
    work_failed,
)
from tables import row, table

from eventjob.contracts.base import JobError
from eventjob.contracts.commands import DeleteJob, RestartJob
from eventjob.domain import job
from eventjob.domain.errors import Refused, StaleMemory
from eventjob.domain.job import Deleted, Ended, Fetching, LoseAttempt, Waiting, Zipping
from eventjob.domain.retry import retry_delay

SETTING = job.JobContext(ALONE, 1, AT, POLICY)
RESTART, DELETE = RestartJob(job_id="job-1"), DeleteJob(job_id="job-1")
LOST = JobError(code="attempts_lost", message="no worker reported within 15 minutes")
SAID = f"postponed by the host for 24 hours; last answer: {ERROR.message}"
SHUT_OUT = JobError(code="http_429", message=SAID)
A_DAY_AGO = AT - timedelta(hours=24)
LATER = AT + timedelta(hours=1)

STARTED = [jobs_started()]
FETCHED = [*STARTED, job_fetched()]
COMPLETED = [*FETCHED, job_completed()]
FAILED = [*STARTED, job_failed()]


def due(tries, attempt):
    return AT + retry_delay(tries, POLICY, at_least_s=0.0, salt=f"job-1:{attempt}")


# What follows from each command in each state: events by name; "" for a report whose time has
# passed, "stale" for one that is ahead, else the code of a refusal.
STATES = {
    "waiting": Waiting(2),
    "waiting to try again": Waiting(2, 1, LATER),
    "fetching": Fetching(2, 0, DEADLINE),
    "archiving": Zipping(2, 0, DEADLINE, BUNDLE),
    "completed": Ended(2, "completed"),
    "failed": Ended(2, "failed"),
    "deleted": Deleted(),
}
GONE = "not_found"
NEXT = "AttemptFailed"
MATRIX = {
    "fetched": (session_fetched(attempt=2), ("stale", "stale", "JobFetched", "", "", "", "")),
    "archived": (archive_built(attempt=2), ("stale", "stale", "stale", "JobCompleted", "", "", "")),
    "fetching failed": (work_failed(attempt=2), ("stale", "stale", NEXT, "", "", "", "")),
    "fetching failed for good": (
        work_failed(attempt=2, transient=False),
        ("stale", "stale", "JobFailed", "", "", "", ""),
    ),
    "archiving failed": (
        work_failed(attempt=2, task="archive"),
        ("stale", "stale", "stale", NEXT, "", "", ""),
    ),
    "fetched by the attempt before": (session_fetched(attempt=1), ("",) * 7),
    "archived by the attempt before": (archive_built(attempt=1), ("",) * 7),
    "failed by the attempt before": (work_failed(attempt=1, task="archive"), ("",) * 7),
    "fetched by the attempt to come": (session_fetched(attempt=3), ("stale",) * 6 + ("",)),
    "archived by the attempt to come": (archive_built(attempt=3), ("stale",) * 6 + ("",)),
    "failed by the attempt to come": (work_failed(attempt=3), ("stale",) * 6 + ("",)),
    "lost": (LoseAttempt(2), ("", "", NEXT, NEXT, "", "", "")),
    "lost, of the attempt before": (LoseAttempt(1), ("",) * 7),
    "lost, of the attempt to come": (LoseAttempt(3), ("",) * 7),
    "restarted": (RESTART, ("JobRestarted",) * 6 + (GONE,)),
    "deleted": (DELETE, ("JobDeleted",) * 6 + (GONE,)),
}


@table(
    "state, command, then",
    *(
        row(f"a job that is {name} is {told}", state, command, then)
        for told, (command, outcomes) in MATRIX.items()
        for (name, state), then in zip(STATES.items(), outcomes, strict=True)
    ),
)
def test_each_command_in_each_state(state, command, then):
    try:
        said = ",".join(type(event).__name__ for event in job.decide(command, state, SETTING))
    except StaleMemory:
        said = "stale"
    except Refused as refusal:
        said = refusal.code
    assert said == then


LAST = POLICY.max_attempts


@table(
    "given, when, then",
    row("a session is kept with its log", STARTED, session_fetched(), job_fetched()),
    row("a built ZIP completes the job", FETCHED, archive_built(), job_completed()),
    row(
        "a transient fault is tried again",
        STARTED,
        work_failed(log=[LINE]),
        attempt_failed(retry_at=due(1, 1), log=[LINE]),
    ),
    row(
        "a ZIP that fails costs an attempt of the whole job",
        FETCHED,
        work_failed(task="archive"),
        attempt_failed(retry_at=due(1, 1)),
    ),
    row(
        "pauses grow with the failed attempts",
        failed_attempts(count=3),
        work_failed(attempt=4),
        attempt_failed(attempt=4, retry_at=due(4, 4)),
    ),
    row(
        "Retry-After is waited for",
        STARTED,
        work_failed(retry_after_s=1800),
        attempt_failed(retry_at=AT + timedelta(minutes=30)),
    ),
    row(
        "no host can ask for more than an hour",
        STARTED,
        work_failed(retry_after_s=1e300),
        attempt_failed(retry_at=LATER),
    ),
    row(
        "the last attempt fails the job",
        failed_attempts(count=LAST - 1),
        work_failed(attempt=LAST, log=[LINE]),
        job_failed(attempt=LAST, log=[LINE]),
    ),
    row(
        "a permanent fault fails the job at once",
        STARTED,
        work_failed(transient=False),
        job_failed(),
    ),
    row(
        "postponements use up no attempt",
        failed_attempts(count=20, counted=False),
        work_failed(attempt=21),
        attempt_failed(attempt=21, retry_at=due(1, 21)),
    ),
    row(
        "a postponement is no last attempt",
        failed_attempts(count=LAST - 1),
        work_failed(attempt=LAST, counted=False, retry_after_s=60),
        attempt_failed(attempt=LAST, counted=False, retry_at=AT + timedelta(minutes=1)),
    ),
    row(
        "a postponement to no time in particular is no endless loop",
        STARTED,
        work_failed(counted=False),
        attempt_failed(counted=False, retry_at=due(1, 1)),
    ),
    row(
        "a postponement is an hour at most",
        STARTED,
        work_failed(counted=False, retry_after_s=1e300),
        attempt_failed(counted=False, retry_at=LATER),
    ),
    row(
        "a day of postponements fails the job",
        [jobs_started(), attempt_failed(counted=False, at=A_DAY_AGO), jobs_started(attempt=2)],
        work_failed(attempt=2, counted=False),
        job_failed(attempt=2, error=SHUT_OUT),
    ),
    row(
        "a day with a real attempt in it does not",
        [
            *[jobs_started(), attempt_failed(counted=False, at=A_DAY_AGO)],
            *[jobs_started(attempt=2), attempt_failed(attempt=2), jobs_started(attempt=3)],
        ],
        work_failed(attempt=3, counted=False),
        attempt_failed(attempt=3, counted=False, retry_at=due(1, 3)),
    ),
    row(
        "an attempt that nobody reports in time is tried again",
        FETCHED,
        LoseAttempt(1),
        attempt_failed(error=LOST, retry_at=due(1, 1)),
    ),
    row(
        "a job that lost its last attempt has failed",
        failed_attempts(count=LAST - 1),
        LoseAttempt(LAST),
        job_failed(attempt=LAST, error=LOST),
    ),
    row(
        "a restarted job has all its attempts again",
        [
            *failed_attempts(count=LAST - 1),
            job_failed(attempt=LAST),
            job_restarted(attempt=LAST + 1),
            jobs_started(attempt=LAST + 1),
        ],
        work_failed(attempt=LAST + 1),
        attempt_failed(attempt=LAST + 1, retry_at=due(1, LAST + 1)),
    ),
    row("a restart begins the next attempt", COMPLETED, RESTART, job_restarted()),
    row("a delete names the job", FAILED, DELETE, job_deleted()),
)
def test_a_job_decides(given, when, then):
    assert job.decide(when, folded_job(given), SETTING) == [then]


def test_a_stale_report_says_where_it_stands_and_a_refusal_names_the_job():
    with pytest.raises(StaleMemory, match=r"\(1, 1\).*\(1, 0\)"):
        job.decide(session_fetched(), Waiting(1), SETTING)
    with pytest.raises(Refused, match="job-1"):
        job.decide(RESTART, Deleted(), SETTING)


@table(
    "given, then",
    row("a new job waits for its first attempt", [], Waiting(1)),
    row("a started job is fetched", STARTED, Fetching(1, 0, DEADLINE)),
    row("a fetched job keeps its bundle", FETCHED, Zipping(1, 0, DEADLINE, BUNDLE)),
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
        Zipping(3, 2, DEADLINE, BUNDLE),
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
    assert job.evolve_failed(folded_job(given)) == then
