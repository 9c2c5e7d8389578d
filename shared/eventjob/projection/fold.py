"""What a stretch of the event log makes of the documents: pure, and safe to apply twice.

A document that reflects an event already is not changed by it, and events of what is unknown or
deleted do nothing: so a replay from any earlier checkpoint ends with the same documents.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from eventjob.contracts.events import (
    AttemptFailed,
    BatchDeleted,
    BatchSubmitted,
    Event,
    JobCompleted,
    JobDeleted,
    JobFailed,
    JobFetched,
    JobRestarted,
    JobsAdded,
    JobsFailed,
    JobsStarted,
    JobSubmitted,
)
from eventjob.domain.ids import format_job_id, is_batch
from eventjob.domain.recorded_event import RecordedEvent
from eventjob.projection import fold_batch, fold_job
from eventjob.projection.fold_batch import BatchFold
from eventjob.projection.read_model import BatchDocument, JobDocument, references
from eventjob.projection.store import Changes


class Touched(msgspec.Struct, frozen=True):
    """What a stretch needs to be loaded: jobs by their ids, batches by their groups."""

    job_ids: set[str]
    groups: set[str]


def touched(stretch: Iterable[RecordedEvent]) -> Touched:
    """The documents that the stretch may change. Those that it creates need no loading."""
    job_ids: set[str] = set()
    groups: set[str] = set()
    for record in stretch:
        if is_batch(record.group):
            groups.add(record.group)
        job_ids.update(format_job_id(record.group, n) for n in _numbers(record))
    return Touched(job_ids, groups)


def fold(
    stretch: Sequence[RecordedEvent],
    jobs: Mapping[str, JobDocument],
    batches: Mapping[str, BatchDocument],
    *,
    after: int = 0,
) -> Changes:
    """What the stretch (one event or more) makes of the documents that it touches.

    Args:
        stretch: events in the order of the log.
        jobs: those of `touched` that exist, by id.
        batches: those of `touched` that exist, by group.
        after: the sequence that the documents reflect.
    """
    documents = _Documents(jobs, batches)
    for record in stretch:
        documents.evolve(record)
    return documents.changes(after, stretch[-1].sequence)


def slices(stretch: Sequence[RecordedEvent], most: int) -> Iterator[Sequence[RecordedEvent]]:
    """The stretch, cut between events so that a slice writes some ``most`` documents."""
    first = created = 0
    changed: set[tuple[str, int | None]] = set()
    for index, record in enumerate(stretch):
        if record.n is not None:
            changed.add((record.group, record.n))
        else:
            created += _documents(record.event)
        if created + len(changed) >= most:
            yield stretch[first : index + 1]
            first, created = index + 1, 0
            changed.clear()
    if first < len(stretch):
        yield stretch[first:]


class _Documents:
    """The documents that a stretch touches, as they change."""

    def __init__(
        self, jobs: Mapping[str, JobDocument], batches: Mapping[str, BatchDocument]
    ) -> None:
        self._jobs = dict(jobs)
        self._batches = {group: BatchFold(document) for group, document in batches.items()}
        self._changed: dict[str, None] = {}
        self._deleted_jobs: set[str] = set()
        self._deleted_groups: set[str] = set()
        self._dropped: set[str] = set()

    def evolve(self, record: RecordedEvent) -> None:
        """Let an event happen to its job or jobs, and to its batch."""
        if record.group in self._deleted_groups:
            return
        match record.event:
            case BatchDeleted():
                self._delete_group(record.group)
            case BatchSubmitted() as event:
                document = fold_batch.opened(record, event)
                self._batches.setdefault(record.group, BatchFold(document, is_new=True))
            case event:
                self._evolve_jobs(record, event)
                if batch := self._batches.get(record.group):
                    batch.evolve(record)

    def changes(self, after: int, checkpoint: int) -> Changes:
        """Everything that is new."""
        written = [self._jobs[job] for job in self._changed if job in self._jobs]
        return Changes(
            jobs=[job for job in written if job.group not in self._deleted_groups],
            batches=[batch.document() for batch in self._batches.values() if batch.is_changed],
            deleted_jobs=self._deleted_jobs,
            deleted_groups=self._deleted_groups,
            dropped=self._dropped.union(*(batch.dropped for batch in self._batches.values())),
            after=after,
            checkpoint=checkpoint,
        )

    def _evolve_jobs(self, record: RecordedEvent, event: Event) -> None:
        match event:
            case JobFetched() | AttemptFailed() | JobCompleted() | JobFailed() | JobRestarted():
                if job := self._job(record, record.n):
                    self._put(job, fold_job.evolve(job, record, event))
            case JobSubmitted():
                self._create([fold_job.submitted(record, event)])
            case JobsAdded():
                self._create(fold_job.added(record, event))
            case JobsStarted():
                for start in event.starts:
                    if job := self._job(record, start.n):
                        self._put(job, fold_job.started(job, record, event, start))
            case JobsFailed():
                for n in event.numbers:
                    if job := self._job(record, n):
                        self._put(job, fold_job.failed(job, record, event))
            case JobDeleted():
                if job := self._jobs.pop(event.job_id, None):
                    self._dropped |= references(job)
                self._deleted_jobs.add(event.job_id)
            case _:
                return  # concerns the batch alone

    def _delete_group(self, group: str) -> None:
        self._deleted_groups.add(group)
        if batch := self._batches.pop(group, None):
            self._dropped |= references(batch.document()) | batch.dropped
        for job in [self._jobs[job] for job in self._changed if job in self._jobs]:
            if job.group == group:
                self._dropped |= references(job)

    def _job(self, record: RecordedEvent, n: int | None) -> JobDocument | None:
        return None if n is None else self._jobs.get(format_job_id(record.group, n))

    def _create(self, created: list[JobDocument]) -> None:
        for job in created:
            if self._jobs.setdefault(job.job_id, job) is job:
                self._changed[job.job_id] = None

    def _put(self, before: JobDocument, job: JobDocument) -> None:
        if job is not before:
            if before.bundle not in {None, job.bundle}:
                self._dropped |= references(before)
            self._jobs[job.job_id] = job
            self._changed[job.job_id] = None


def _numbers(record: RecordedEvent) -> Iterable[int]:
    match record.event:
        case JobsStarted(starts=starts):
            return [start.n for start in starts]
        case JobsFailed(numbers=numbers):
            return numbers
        case _:
            return () if record.n is None else (record.n,)


def _documents(event: Event) -> int:
    match event:
        case JobsAdded():
            return len(event.jobs)
        case JobsStarted():
            return len(event.starts)
        case JobsFailed():
            return len(event.numbers)
        case _:
            return 1
