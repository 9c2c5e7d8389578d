"""What a job's document shows after each of its events."""

import msgspec
import pytest
from recorded_events import BEGINNING, BUNDLE, RETRY_AT, SOURCE, TIMEOUT, ZIP, Log, file

from eventjob.contracts.base import LogLine
from eventjob.contracts.events import JobDeleted, JobFetched, JobsFailed
from eventjob.projection.fold import fold

ALONE = "j-job-a"


def job_after(*happenings):
    """The document of a job alone after these methods of `Log`, called with its group."""
    log = Log()
    log.submit()
    for happening in happenings:
        happening(log, ALONE)
    (job,) = fold(log.records, {}, {}).jobs
    return job


def test_a_submitted_job_is_pending_and_has_what_its_event_says():
    job = job_after()
    assert (job.job_id, job.group, job.n, job.batch_id) == ("job-a", ALONE, 1, None)
    assert (job.status, job.attempt, job.tries, job.progress) == ("pending", 1, 0, None)
    assert job.created_at == job.updated_at > BEGINNING
    assert (job.owner, job.access.read_access) == ("ann", ("ann",))
    assert msgspec.json.decode(job.parameters)["event"] == "FOSDEM"
    assert [line.message for line in job.log] == ["submitted"]


def test_a_started_job_is_processing_since_then():
    job = job_after(Log.start)
    assert job.status == "processing"
    assert job.processing_started_at == job.updated_at > job.created_at
    assert (job.progress.step, job.progress.percent) == ("fetching", 10)
    assert job.progress.message == "attempt 1"


def test_a_fetched_job_waits_for_its_archive():
    job = job_after(Log.start, Log.fetch)
    assert (job.status, job.bundle, job.files) == ("processing", BUNDLE, [file()])
    assert job.sources == [SOURCE]
    assert (job.progress.step, job.progress.percent) == ("archiving", 80)
    assert job.log[-1].message == "fetched 1 file"


def test_a_completed_job_has_its_archive():
    job = job_after(Log.start, Log.fetch, Log.complete)
    assert (job.status, job.archive, job.error) == ("completed", file(ZIP), None)
    assert job.completed_at == job.updated_at
    assert job.progress.percent == 100
    assert job.sequence == 4


def test_a_job_that_is_tried_again_says_when_and_why_and_has_no_results():
    job = job_after(Log.start, Log.fetch, Log.retry)
    assert (job.status, job.attempt, job.tries) == ("pending", 2, 1)
    assert (job.bundle, job.files) == (None, [])
    assert (job.progress.step, job.progress.percent) == ("waiting", 0)
    instant = RETRY_AT.strftime("%Y-%m-%dT%H:%M:%S.678Z")
    assert job.progress.message == (f"attempt 2 at {instant}, after timeout: no answer within 10 s")
    assert job.log[-1].level == "warning"


def test_an_attempt_that_was_only_put_off_does_not_count():
    job = job_after(Log.start, lambda log, group: log.retry(group, counted=False))
    assert (job.attempt, job.tries) == (2, 0)
    assert "put off" in job.log[-1].message


def test_a_failed_job_says_why_and_keeps_no_results():
    job = job_after(Log.start, Log.fetch, Log.fail)
    assert (job.status, job.error, job.bundle, job.files) == ("failed", TIMEOUT, None, [])
    assert job.completed_at == job.updated_at
    assert (job.progress.step, job.progress.percent) == ("failed", 80)
    assert job.log[-1] == LogLine(
        timestamp=job.updated_at, level="error", message="failed, timeout: no answer within 10 s"
    )


@pytest.mark.parametrize("end", [Log.complete, Log.fail])
def test_a_restarted_job_forgets_how_it_ended(end):
    job = job_after(Log.start, Log.fetch, end, Log.restart)
    assert (job.status, job.attempt, job.tries) == ("pending", 2, 0)
    assert (job.bundle, job.files, job.archive, job.error) == (None, [], None, None)
    assert (job.progress, job.completed_at, job.processing_started_at) == (None, None, None)
    assert job.log[-1].message == "restarted"


def cancel(log, group):
    log.add(group, None, JobsFailed(numbers=[1], error=TIMEOUT, at=log.at))


def test_a_person_can_fail_a_job_that_runs():
    assert job_after(Log.start, cancel).error == TIMEOUT


def test_nobody_fails_or_starts_a_job_that_has_ended():
    completed = job_after(Log.start, Log.fetch, Log.complete)
    assert job_after(Log.start, Log.fetch, Log.complete, cancel, Log.start) == completed


def test_a_deleted_job_is_gone_whatever_comes_after():
    log = Log()
    log.submit()
    log.add(ALONE, None, JobDeleted(job_id="job-a", at=log.at))
    log.complete(ALONE)
    changes = fold(log.records, {}, {})
    assert (list(changes.jobs), set(changes.deleted_jobs)) == ([], {"job-a"})


def test_events_of_an_unknown_job_do_nothing():
    log = Log()
    log.start(ALONE)
    log.fetch(ALONE)
    assert fold(log.records, {}, {}).jobs == []


def test_the_log_has_what_workers_said_and_ends_with_the_newest_hundred():
    lines = [LogLine(timestamp=BEGINNING, level="debug", message=f"line {n}") for n in range(150)]

    def fetch(log, group):
        event = JobFetched(attempt=1, bundle=BUNDLE, files=[file()], log=lines, at=log.at)
        log.add(group, 1, event)

    job = job_after(Log.start, fetch)
    assert len(job.log) == 100
    assert [line.message for line in job.log[-2:]] == ["line 149", "fetched 1 file"]


def test_a_document_is_json_and_back():
    job = job_after(Log.start, Log.fetch, Log.complete)
    assert msgspec.json.decode(msgspec.json.encode(job), type=type(job)) == job
