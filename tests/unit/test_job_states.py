"""The life of one job: what each event makes of it, as tables."""

from datetime import timedelta

import pytest
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

from eventjob.domain import job
from eventjob.domain.job import Deleted, Ended, Fetching, Waiting, Zipping

LATER = AT + timedelta(hours=1)

STARTED = [jobs_started()]
FETCHED = [*STARTED, job_fetched()]
COMPLETED = [*FETCHED, job_completed()]
FAILED = [*STARTED, job_failed()]


@pytest.mark.parametrize(
    ("given", "then"),
    [
        pytest.param([], Waiting(1), id="a new job waits for its first attempt"),
        pytest.param(STARTED, Fetching(1, 0, DEADLINE), id="a started job is fetched"),
        pytest.param(FETCHED, Zipping(1, 0, DEADLINE, BUNDLE), id="a fetched job keeps its bundle"),
        pytest.param(
            [*STARTED, attempt_failed(retry_at=LATER)],
            Waiting(2, 1, LATER),
            id="a failed attempt leads to the next one",
        ),
        pytest.param(
            [*FETCHED, attempt_failed(counted=False, retry_at=LATER)],
            Waiting(2, 0, LATER, AT),
            id="a postponement is not counted",
        ),
        pytest.param(
            [
                *failed_attempts(count=1, counted=False),
                attempt_failed(attempt=2, counted=False, retry_at=LATER, at=LATER),
                jobs_started(attempt=3),
            ],
            Fetching(3, 0, DEADLINE, AT),
            id="a job knows since when it has been put off",
        ),
        pytest.param(
            [
                *failed_attempts(count=1, counted=False),
                attempt_failed(attempt=2, retry_at=LATER),
            ],
            Waiting(3, 1, LATER),
            id="a job that was let in is not put off any more",
        ),
        pytest.param(
            [*failed_attempts(count=2), job_fetched(attempt=3)],
            Zipping(3, 2, DEADLINE, BUNDLE),
            id="failed attempts are counted through the fetch",
        ),
        pytest.param(COMPLETED, Ended(1, "completed"), id="a built ZIP is an end"),
        pytest.param(FAILED, Ended(1, "failed"), id="a failure is an end"),
        pytest.param(
            [*failed_attempts(count=2), job_restarted(attempt=4)],
            Waiting(4),
            id="a restarted job forgets its failures",
        ),
        pytest.param([*STARTED, job_deleted()], Deleted(), id="a deleted job is gone"),
        pytest.param(
            [job_deleted(), *STARTED, job_fetched(), job_completed(), job_restarted()],
            Deleted(),
            id="nothing happens to a deleted job",
        ),
        pytest.param(
            [*COMPLETED, jobs_started(attempt=2)],
            Ended(1, "completed"),
            id="an ended job does not start",
        ),
    ],
)
def test_a_job_becomes(given, then):
    assert folded_job(given) == then


@pytest.mark.parametrize(
    ("given", "then"),
    [
        pytest.param([], Ended(1, "failed"), id="a waiting job fails"),
        pytest.param(failed_attempts(count=1), Ended(2, "failed"), id="a running job fails"),
        pytest.param(FETCHED, Ended(1, "failed"), id="a job whose ZIP is built fails"),
        pytest.param(COMPLETED, Ended(1, "completed"), id="a completed job stays so"),
        pytest.param([job_deleted()], Deleted(), id="a deleted job stays so"),
    ],
)
def test_a_person_fails(given, then):
    assert job.evolve_failed(folded_job(given)) == then
