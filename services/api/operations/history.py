"""What happened to a job or a batch, told from the log: only what its readers may know."""

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
from services.api.context import Here
from services.api.operations.batches import readable_batch
from services.api.operations.callers import Asking
from services.api.operations.jobs import readable_job
from services.api.response.answers import answer
from services.api.response.to_views import error_view, parameters_view, stamp
from services.api.response.views import HistoryAnswer, HistoryEvent

_BARE = {
    BatchPaused: "batch_paused",
    BatchResumed: "batch_resumed",
    BatchArchived: "batch_archived",
    BatchUnarchived: "batch_unarchived",
}


class _Told(msgspec.Struct, frozen=True):
    """An event in the words of the contract."""

    type: str
    attempt: int | None = None
    data: dict[str, Any] = {}


async def get_job_history(job_id: str, here: Here, caller: Asking) -> Response:
    """A job's history, from its submission on."""
    job = await readable_job(here, caller, job_id)
    records = await here.history.read(job.group, job.n)
    return _history((record, _of_job(record, job.n)) for record in records)


async def get_batch_history(batch_id: str, here: Here, caller: Asking) -> Response:
    """A batch's history, without what its jobs can tell themselves."""
    batch = await readable_batch(here, caller, batch_id)
    records = await here.history.read(batch.group)
    return _history((record, _of_batch(record)) for record in records)


def _history(told: Iterable[tuple[RecordedEvent, _Told | None]]) -> Response:
    events = [_event(record, words) for record, words in told if words is not None]
    return answer(HistoryAnswer(total=len(events), events=events))


def _event(record: RecordedEvent, told: _Told) -> HistoryEvent:
    return HistoryEvent(
        seq=record.sequence,
        time=stamp(record.event.at),
        type=told.type,
        actor=None if record.actor in {"", EVERYONE} else record.actor,
        attempt=told.attempt,
        data=told.data,
    )


def _of_job(record: RecordedEvent, n: int) -> _Told | None:
    match record.event:
        case JobSubmitted(job=spec):
            return _Told("job_submitted", data=_submission(spec))
        case JobsAdded(first=first, jobs=specs) if first <= n < first + len(specs):
            return _Told("job_submitted", data=_submission(specs[n - first]))
        case JobsStarted(starts=starts, deadline=deadline):
            attempts = [start.attempt for start in starts if start.n == n]
            data = {"deadline": stamp(deadline)}
            return _Told("job_started", attempts[0], data) if attempts else None
        case JobsFailed(numbers=numbers, error=error) if n in numbers:
            return _Told("job_failed", data={"error": error_view(error)})
        case JobFetched() | AttemptFailed() | JobCompleted() | JobFailed() | JobRestarted():
            return _of_attempt(record)
        case _:
            return None


def _of_attempt(record: RecordedEvent) -> _Told | None:
    match record.event:
        case JobFetched(attempt=attempt, files=files):
            shown = [{"path": file.path, "bytes": file.size_bytes} for file in files]
            return _Told("job_fetched", attempt, {"files": shown})
        case AttemptFailed(attempt=attempt, error=error, retry_at=retry_at):
            data = {"error": error_view(error), "retry_at": stamp(retry_at)}
            return _Told("attempt_failed", attempt, data)
        case JobCompleted(attempt=attempt, archive=archive):
            data = {"archive": {"bytes": archive.size_bytes, "sha256": archive.sha256}}
            return _Told("job_completed", attempt, data)
        case JobFailed(attempt=attempt, error=error):
            return _Told("job_failed", attempt, {"error": error_view(error)})
        case JobRestarted(attempt=attempt):
            return _Told("job_restarted", attempt)
        case _:
            return None


def _of_batch(record: RecordedEvent) -> _Told | None:
    match record.event:
        case BatchSubmitted(batch_name=name, total_jobs=total):
            return _Told("batch_submitted", data={"batch_name": name, "total_jobs": total})
        case JobsAdded(first=first, jobs=specs):
            return _Told("jobs_added", data={"first": first, "jobs": len(specs)})
        case JobsFailed(numbers=numbers, error=error):
            return _Told("job_failed", data={"jobs": len(numbers), "error": error_view(error)})
        case BatchCompleted(status=status):
            return _Told("batch_completed", data={"status": status})
        case event:
            return _Told(_BARE[type(event)]) if type(event) in _BARE else None


def _submission(spec: JobSpec) -> dict[str, Any]:
    return {
        "job_name": spec.job_name,
        "job_type": spec.job_type,
        "parameters": parameters_view(spec.parameters),
    }
