"""Fold a job's events into its document. Pure, and safe to apply twice."""

from datetime import UTC, datetime
from typing import Any, Literal, assert_never

import msgspec

from eventjob.contracts.base import JobError, JobSpec, LogLine
from eventjob.contracts.events import (
    AttemptFailed,
    JobCompleted,
    JobFailed,
    JobFetched,
    JobRestarted,
    JobsAdded,
    JobsFailed,
    JobsStarted,
    JobSubmitted,
    Start,
)
from eventjob.domain.ids import format_job_id
from eventjob.domain.recorded_event import RecordedEvent
from eventjob.projection.read_model import JobDocument, Progress

LOG_LINES = 100  # kept in the document; earlier ones remain in the events
POSITIONS_PER_EVENT = 2**20  # more than an event creates documents
_NO_RESULTS: dict[str, Any] = {"bundle": None, "files": [], "sources": [], "archive": None}

JobChange = JobFetched | AttemptFailed | JobCompleted | JobFailed | JobRestarted


def position(sequence: int, index: int = 0) -> int:
    """Return the sort position of an event's ``index``-th document; fits into 63 bits."""
    return sequence * POSITIONS_PER_EVENT + index


def create_lone_job(record: RecordedEvent, event: JobSubmitted) -> JobDocument:
    """Create the document of a job without a batch."""
    return _create(record, event, event.job, n=1, index=0, batch_id=None)


def create_batch_jobs(record: RecordedEvent, event: JobsAdded) -> list[JobDocument]:
    """Create the documents of jobs added to a batch."""
    return [
        _create(record, event, spec, n=event.first + index, index=index, batch_id=event.batch_id)
        for index, spec in enumerate(event.jobs)
    ]


def start_attempt(
    job: JobDocument, record: RecordedEvent, event: JobsStarted, start: Start
) -> JobDocument:
    """Start an attempt; a job that has ended stays unchanged."""
    if not _is_newer(record, job) or not _is_unfinished(job):
        return job
    return _update(
        job,
        record,
        event.at,
        _line(event.at, "info", f"attempt {start.attempt} started"),
        status="processing",
        attempt=start.attempt,
        processing_started_at=event.at,
        progress=Progress(step="fetching", percent=10, message=f"attempt {start.attempt}"),
    )


def fail_job(job: JobDocument, record: RecordedEvent, event: JobsFailed) -> JobDocument:
    """Fail a job by a person's command; a job that has ended stays unchanged."""
    if not _is_newer(record, job) or not _is_unfinished(job):
        return job
    return _fail(job, record, event.at, event.error)


def evolve(job: JobDocument, record: RecordedEvent, event: JobChange) -> JobDocument:
    """Apply an event, unless the document reflects it already."""
    if not _is_newer(record, job):
        return job
    match event:
        case JobFetched():
            return _apply_fetched(job, record, event)
        case AttemptFailed():
            return _apply_failed_attempt(job, record, event)
        case JobCompleted():
            return _update(
                job,
                record,
                event.at,
                _line(event.at, "info", "completed"),
                status="completed",
                attempt=event.attempt,
                archive=event.archive,
                completed_at=event.at,
                progress=Progress(step="completed", percent=100, message="completed"),
            )
        case JobFailed():
            return _fail(job, record, event.at, event.error, *event.log)
        case JobRestarted():
            return _apply_restart(job, record, event)
        case _:
            assert_never(event)


def _apply_fetched(job: JobDocument, record: RecordedEvent, event: JobFetched) -> JobDocument:
    count = len(event.files)
    message = f"fetched {count} file{'' if count == 1 else 's'}"
    return _update(
        job,
        record,
        event.at,
        *event.log,
        _line(event.at, "info", message),
        status="processing",
        attempt=event.attempt,
        bundle=event.bundle,
        files=event.files,
        sources=event.sources,
        progress=Progress(step="archiving", percent=80, message=message),
    )


def _apply_failed_attempt(
    job: JobDocument, record: RecordedEvent, event: AttemptFailed
) -> JobDocument:
    next_attempt = f"attempt {event.attempt + 1} at {_format_time(event.retry_at)}"
    cause = f"{event.error.code}: {event.error.message}"
    outcome = "failed" if event.counted else "put off"
    return _update(
        job,
        record,
        event.at,
        *event.log,
        _line(event.at, "warning", f"attempt {event.attempt} {outcome}, {cause}; {next_attempt}"),
        **_NO_RESULTS,
        status="pending",
        attempt=event.attempt + 1,
        tries=job.tries + event.counted,
        progress=Progress(step="waiting", percent=0, message=f"{next_attempt}, after {cause}"),
    )


def _apply_restart(job: JobDocument, record: RecordedEvent, event: JobRestarted) -> JobDocument:
    return _update(
        job,
        record,
        event.at,
        _line(event.at, "info", "restarted"),
        **_NO_RESULTS,
        status="pending",
        attempt=event.attempt,
        # a restart gives the job all its attempts again
        tries=0,
        processing_started_at=None,
        completed_at=None,
        progress=None,
        error=None,
    )


def _fail(
    job: JobDocument, record: RecordedEvent, at: datetime, error: JobError, *log: LogLine
) -> JobDocument:
    percent = job.progress.percent if job.progress is not None else 0
    return _update(
        job,
        record,
        at,
        *log,
        _line(at, "error", f"failed, {error.code}: {error.message}"),
        **_NO_RESULTS,
        status="failed",
        error=error,
        completed_at=at,
        progress=Progress(step="failed", percent=percent, message=error.message),
    )


def _create(
    record: RecordedEvent,
    event: JobSubmitted | JobsAdded,
    spec: JobSpec,
    *,
    n: int,
    index: int,
    batch_id: str | None,
) -> JobDocument:
    return JobDocument(
        job_id=format_job_id(record.group, n),
        group=record.group,
        n=n,
        sequence=record.sequence,
        position=position(record.sequence, index),
        status="pending",
        created_at=event.at,
        updated_at=event.at,
        job_name=spec.job_name,
        job_type=spec.job_type,
        parameters=spec.parameters,
        batch_id=batch_id,
        owner=event.owner,
        access=event.access,
        log=[_line(event.at, "info", "submitted")],
    )


def _update(
    job: JobDocument,
    record: RecordedEvent,
    at: datetime,
    *log: LogLine,
    **changes: Any,  # noqa: ANN401 - any field of the document
) -> JobDocument:
    return msgspec.structs.replace(
        job,
        sequence=record.sequence,
        updated_at=at,
        # bounded: a document is rewritten whole with each event
        log=[*job.log, *log][-LOG_LINES:],
        **changes,
    )


def _is_newer(record: RecordedEvent, job: JobDocument) -> bool:
    return record.sequence > job.sequence


def _is_unfinished(job: JobDocument) -> bool:
    return job.status in {"pending", "processing"}


def _line(at: datetime, level: Literal["info", "warning", "error"], message: str) -> LogLine:
    return LogLine(timestamp=at, level=level, message=message)


def _format_time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
