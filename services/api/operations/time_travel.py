"""Compute a past state of a job or batch by folding the log up to a sequence or time."""

from collections.abc import Callable
from contextlib import aclosing
from itertools import takewhile

from eventjob.contracts.events import BatchDeleted, JobDeleted
from eventjob.domain.recorded_event import RecordedEvent
from eventjob.projection.fold import fold
from eventjob.projection.read_model import BatchDocument, JobDocument
from services.api.context import History
from services.api.request.query_parameters import Moment
from services.api.response.errors import Problem, not_found
from services.api.response.to_views import format_time


async def job_as_of(history: History, job: JobDocument, moment: Moment) -> JobDocument:
    """Return ``job`` as it was.

    Raises:
        Problem: ``not_found`` if it did not exist yet, or was deleted just now.
        Unavailable: the log does not answer.
    """
    is_past = await _happened_by(history, moment)
    records = await history.read(job.group, job.n)
    if any(isinstance(record.event, JobDeleted | BatchDeleted) for record in records):
        raise not_found(f"job {job.job_id}")  # its earlier events are purged
    past = list(takewhile(is_past, records))
    changes = fold(past, {}, {}) if past else None
    for past_job in changes.jobs if changes else ():
        if past_job.job_id == job.job_id:
            return past_job
    raise _too_early(f"job {job.job_id}", moment)


async def batch_as_of(history: History, batch: BatchDocument, moment: Moment) -> BatchDocument:
    """Return ``batch`` as it was. Raises as `job_as_of`.

    Of a job deleted since then only the batch's own events remain: added, started, failed by a
    fail-all.
    """
    is_past = await _happened_by(history, moment)
    folded: dict[str, BatchDocument] = {}
    async with aclosing(history.read_with_jobs(batch.group)) as pages:
        async for page in pages:
            if any(isinstance(record.event, BatchDeleted) for record in page):
                raise not_found(f"batch {batch.batch_id}")
            past = list(takewhile(is_past, page))
            if past:
                folded |= {document.group: document for document in fold(past, {}, folded).batches}
            if len(past) < len(page):  # pages are in order
                break
    if batch.group not in folded:
        raise _too_early(f"batch {batch.batch_id}", moment)
    return folded[batch.group]


async def _happened_by(history: History, moment: Moment) -> Callable[[RecordedEvent], bool]:
    # Fixed at the start: of events appended while reading, only a part would be folded.
    last = await history.last_sequence()
    if isinstance(moment, int):
        return lambda record: record.sequence <= min(moment, last)
    return lambda record: record.sequence <= last and record.event.at <= moment


def _too_early(what: str, moment: Moment) -> Problem:
    when = f"event {moment}" if isinstance(moment, int) else format_time(moment)
    return Problem("not_found", f"{what} did not exist yet as of {when}")
