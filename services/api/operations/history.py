"""History of a job or batch, read from the event log and reduced to what readers may know."""

from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.responses import Response

from eventjob.contracts.base import JobSpec
from eventjob.contracts.events import (
    AttemptFailed,
    BatchArchived,
    BatchCompleted,
    BatchPaused,
    BatchResumed,
    BatchSubmitted,
    BatchUnarchived,
    JobCompleted,
    JobFailed,
    JobFetched,
    JobRestarted,
    JobsAdded,
    JobsFailed,
    JobsStarted,
    JobSubmitted,
)
from eventjob.domain.access import EVERYONE
from eventjob.domain.recorded_event import RecordedEvent
from services.api.context import ContextDep
from services.api.operations.batches import load_readable_batch
from services.api.operations.callers import CallerDep
from services.api.operations.jobs import load_readable_job
from services.api.response.answers import json_response
from services.api.response.to_views import error_view, format_time, parameters_view
from services.api.response.views import HistoryAnswer, HistoryEvent

_TYPE_NAMES = {
    BatchPaused: "batch_paused",
    BatchResumed: "batch_resumed",
    BatchArchived: "batch_archived",
    BatchUnarchived: "batch_unarchived",
}


class _Entry(msgspec.Struct, frozen=True):
    """An event as the API names it."""

    type: str
    attempt: int | None = None
    data: dict[str, Any] = {}


async def get_job_history(job_id: str, context: ContextDep, caller: CallerDep) -> Response:
    """Return a job's history since its submission."""
    job = await load_readable_job(context, caller, job_id)
    records = await context.history.read(job.group, job.n)
    return _history((record, _job_entry(record, job.n)) for record in records)


async def get_batch_history(batch_id: str, context: ContextDep, caller: CallerDep) -> Response:
    """Return a batch's history; each job has a history of its own."""
    batch = await load_readable_batch(context, caller, batch_id)
    records = await context.history.read(batch.group)
    return _history((record, _batch_entry(record)) for record in records)


def _history(entries: Iterable[tuple[RecordedEvent, _Entry | None]]) -> Response:
    events = [_event(record, entry) for record, entry in entries if entry is not None]
    return json_response(HistoryAnswer(total=len(events), events=events))


def _event(record: RecordedEvent, entry: _Entry) -> HistoryEvent:
    return HistoryEvent(
        seq=record.sequence,
        time=format_time(record.event.at),
        type=entry.type,
        # EVERYONE: in older logs, a caller with all rights.
        actor=None if record.actor in {"", EVERYONE} else record.actor,
        attempt=entry.attempt,
        data=entry.data,
    )


def _job_entry(record: RecordedEvent, n: int) -> _Entry | None:
    match record.event:
        case JobSubmitted(job=spec):
            return _Entry("job_submitted", data=_submission(spec))
        case JobsAdded(first=first, jobs=specs) if first <= n < first + len(specs):
            return _Entry("job_submitted", data=_submission(specs[n - first]))
        case JobsStarted(starts=starts, deadline=deadline):
            attempts = [start.attempt for start in starts if start.n == n]
            data = {"deadline": format_time(deadline)}
            return _Entry("job_started", attempts[0], data) if attempts else None
        case JobsFailed(numbers=numbers, error=error) if n in numbers:
            return _Entry("job_failed", data={"error": error_view(error)})
        case JobFetched() | AttemptFailed() | JobCompleted() | JobFailed() | JobRestarted():
            return _attempt_entry(record)
        case _:
            return None


def _attempt_entry(record: RecordedEvent) -> _Entry | None:
    match record.event:
        case JobFetched(attempt=attempt, files=files):
            paths = [{"path": file.path, "bytes": file.size_bytes} for file in files]
            return _Entry("job_fetched", attempt, {"files": paths})
        case AttemptFailed(attempt=attempt, error=error, retry_at=retry_at):
            data = {"error": error_view(error), "retry_at": format_time(retry_at)}
            return _Entry("attempt_failed", attempt, data)
        case JobCompleted(attempt=attempt, archive=archive):
            data = {"archive": {"bytes": archive.size_bytes, "sha256": archive.sha256}}
            return _Entry("job_completed", attempt, data)
        case JobFailed(attempt=attempt, error=error):
            return _Entry("job_failed", attempt, {"error": error_view(error)})
        case JobRestarted(attempt=attempt):
            return _Entry("job_restarted", attempt)
        case _:
            return None


def _batch_entry(record: RecordedEvent) -> _Entry | None:
    match record.event:
        case BatchSubmitted(batch_name=name, total_jobs=total):
            return _Entry("batch_submitted", data={"batch_name": name, "total_jobs": total})
        case JobsAdded(first=first, jobs=specs):
            return _Entry("jobs_added", data={"first": first, "jobs": len(specs)})
        case JobsFailed(numbers=numbers, error=error):
            # A count only: the numbers belong to the jobs' own histories.
            return _Entry("job_failed", data={"jobs": len(numbers), "error": error_view(error)})
        case BatchCompleted(status=status):
            return _Entry("batch_completed", data={"status": status})
        case event:
            return _Entry(_TYPE_NAMES[type(event)]) if type(event) in _TYPE_NAMES else None


def _submission(spec: JobSpec) -> dict[str, Any]:
    return {
        "job_name": spec.job_name,
        "job_type": spec.job_type,
        "parameters": parameters_view(spec.parameters),
    }
