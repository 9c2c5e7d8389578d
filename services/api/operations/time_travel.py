"""Jobs and batches as they were: the log, folded up to then.

The log is read up to the event that is its newest when the reading begins, so that what is folded
is a beginning of it and nothing else, whatever is appended meanwhile.
"""

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
from services.api.response.to_views import stamp


async def job_then(history: History, job: JobDocument, moment: Moment) -> JobDocument:
    """``job`` as it was.

    Raises:
        Problem: ``not_found``: it did not exist yet, or was deleted just now.
        Unavailable: the log does not answer.
    """
    happened = await _until(history, moment)
    records = await history.read(job.group, job.n)
    if any(isinstance(record.event, JobDeleted | BatchDeleted) for record in records):
        raise not_found(f"job {job.job_id}")
    past = list(takewhile(happened, records))
    changes = fold(past, {}, {}) if past else None
    for then in changes.jobs if changes else ():
        if then.job_id == job.job_id:
            return then
    raise _too_early(f"job {job.job_id}", moment)


async def batch_then(history: History, batch: BatchDocument, moment: Moment) -> BatchDocument:
    """``batch`` as it was. Raises as `job_then`.

    Of a job that was deleted later, the log holds what the batch's own events say: that it was
    added, and started, or failed by a person.
    """
    happened = await _until(history, moment)
    then: dict[str, BatchDocument] = {}
    async with aclosing(history.read_with_jobs(batch.group)) as pages:
        async for page in pages:
            if any(isinstance(record.event, BatchDeleted) for record in page):
                raise not_found(f"batch {batch.batch_id}")
            past = list(takewhile(happened, page))
            if past:
                then |= {found.group: found for found in fold(past, {}, then).batches}
            if len(past) < len(page):
                break
    if batch.group not in then:
        raise _too_early(f"batch {batch.batch_id}", moment)
    return then[batch.group]


async def _until(history: History, moment: Moment) -> Callable[[RecordedEvent], bool]:
    """Whether an event had happened by then."""
    last = await history.last_sequence()
    if isinstance(moment, int):
        return lambda record: record.sequence <= min(moment, last)
    return lambda record: record.sequence <= last and record.event.at <= moment


def _too_early(what: str, moment: Moment) -> Problem:
    when = f"event {moment}" if isinstance(moment, int) else stamp(moment)
    return Problem("not_found", f"{what} did not exist yet as of {when}")
