"""Fold a stretch of events into document changes. Pure, and safe to apply twice.

A document ignores events that it already reflects, and events about unknown or deleted jobs do
nothing. So a replay from any earlier checkpoint ends with the same documents.
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


class DocumentIds(msgspec.Struct, frozen=True):
    """Documents that a fold needs loaded: jobs by id, batches by group."""

    job_ids: set[str]
    groups: set[str]


def affected_documents(stretch: Iterable[RecordedEvent]) -> DocumentIds:
    """Return the ids of existing documents that the stretch may change."""
    job_ids: set[str] = set()
    groups: set[str] = set()
    for record in stretch:
        if is_batch(record.group):
            groups.add(record.group)
        job_ids.update(format_job_id(record.group, n) for n in _job_numbers(record))
    return DocumentIds(job_ids, groups)


def fold(
    stretch: Sequence[RecordedEvent],
    jobs: Mapping[str, JobDocument],
    batches: Mapping[str, BatchDocument],
    *,
    after: int = 0,
) -> Changes:
    """Fold one event or more into the documents that they affect.

    Args:
        stretch: events in the order of the log.
        jobs: the existing ones of `affected_documents`, by id.
        batches: the existing ones of `affected_documents`, by group.
        after: the sequence that the documents reflect.
    """
    documents = _Documents(jobs, batches)
    for record in stretch:
        documents.evolve(record)
    return documents.changes(after, stretch[-1].sequence)


def split_events(events: Sequence[RecordedEvent], limit: int) -> Iterator[Sequence[RecordedEvent]]:
    """Split the events into parts that each write about ``limit`` documents."""
    first = created = 0
    changed: set[tuple[str, int | None]] = set()
    for index, record in enumerate(events):
        if record.n is not None:
            changed.add((record.group, record.n))
        else:
            created += _count_documents(record.event)
        if created + len(changed) >= limit:
            yield events[first : index + 1]
            first, created = index + 1, 0
            changed.clear()
    if first < len(events):
        yield events[first:]


class _Documents:
    """The affected documents while a stretch is folded."""

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
        """Apply an event to its jobs and its batch."""
        # the id stays taken: a late report must not bring the group back
        if record.group in self._deleted_groups:
            return
        match record.event:
            case BatchDeleted():
                self._delete_group(record.group)
            case BatchSubmitted() as event:
                # setdefault: a replay must not reset a batch that is stored in a later state
                document = fold_batch.open_batch(record, event)
                self._batches.setdefault(record.group, BatchFold(document, is_new=True))
            case event:
                self._evolve_jobs(record, event)
                if batch := self._batches.get(record.group):
                    batch.evolve(record)

    def changes(self, after: int, checkpoint: int) -> Changes:
        """Return all documents to write and to delete."""
        changed_jobs = [self._jobs[job] for job in self._changed if job in self._jobs]
        return Changes(
            jobs=[job for job in changed_jobs if job.group not in self._deleted_groups],
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
                self._create([fold_job.create_lone_job(record, event)])
            case JobsAdded():
                self._create(fold_job.create_batch_jobs(record, event))
            case JobsStarted():
                for start in event.starts:
                    if job := self._job(record, start.n):
                        self._put(job, fold_job.start_attempt(job, record, event, start))
            case JobsFailed():
                for n in event.numbers:
                    if job := self._job(record, n):
                        self._put(job, fold_job.fail_job(job, record, event))
            case JobDeleted():
                if job := self._jobs.pop(event.job_id, None):
                    self._dropped |= references(job)
                self._deleted_jobs.add(event.job_id)
            case _:
                return  # changes the batch only

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
            # results that were replaced: their blobs may now be orphans
            if before.bundle not in {None, job.bundle}:
                self._dropped |= references(before)
            self._jobs[job.job_id] = job
            self._changed[job.job_id] = None


def _job_numbers(record: RecordedEvent) -> Iterable[int]:
    match record.event:
        case JobsStarted(starts=starts):
            return [start.n for start in starts]
        case JobsFailed(numbers=numbers):
            return numbers
        case _:
            return () if record.n is None else (record.n,)


def _count_documents(event: Event) -> int:
    match event:
        case JobsAdded():
            return len(event.jobs)
        case JobsStarted():
            return len(event.starts)
        case JobsFailed():
            return len(event.numbers)
        case _:
            return 1
