"""Apply stretches of the log to a store; shared by projector and rebuild."""

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from typing import Protocol

import msgspec

from eventjob.contracts.events import BatchFiled
from eventjob.domain.recorded_event import RecordedEvent
from eventjob.projection.fold import affected_documents, fold, split_events
from eventjob.projection.read_model import BatchDocument, JobDocument
from eventjob.projection.store import Changes, Store

MAX_CACHED_JOBS = 10_000  # at some 2.5 KB each
MAX_CACHED_BATCHES = 500
MAX_DOCUMENTS = 4000  # of a retired batch, written in one transaction


class Events(Protocol):
    """Reads the event log; see `eventjob.retired.whole_log.WholeLog`."""

    def follow(self, after: int, until: int | None = None) -> AsyncGenerator[list[RecordedEvent]]:
        """Yield the events after ``after`` in stretches, until the one with ``until``, or forever.

        Raises Unavailable or Poison.
        """

    async def last_sequence(self) -> int:
        """Return the newest event's sequence; may raise Unavailable."""

    def read_exported(self, event: BatchFiled) -> AsyncGenerator[list[RecordedEvent]]:
        """Yield the events that have left the log, in stretches; raises as `follow`."""


class AnotherLog(Exception):
    """The log ends before an event that the documents reflect."""


async def read_log_end(events: Events, reflected: int) -> int:
    """Return the newest event's sequence, checking that the log has all that the documents reflect.

    Raises:
        AnotherLog: the log ends before that.
        Unavailable: the bus does not answer.
    """
    last = await events.last_sequence()
    if last < reflected:
        raise AnotherLog(f"the documents reflect event {reflected}, the log ends at {last}")
    return last


class EventApplier:
    """Moves a store's documents forward from ``sequence``; after any fault, make a new one.

    Unfinished documents are cached, so that a job in progress is not read for each event. The store
    refuses changes after another writer's, so the cache is what is stored.
    """

    def __init__(self, events: Events, store: Store, sequence: int) -> None:
        self.sequence = sequence
        self._events = events
        self._store = store
        self._jobs: dict[str, JobDocument] = {}
        self._batches: dict[str, BatchDocument] = {}

    async def apply(self, part: Sequence[RecordedEvent]) -> None:
        """Write what one event or more change.

        Raises:
            StoreUnavailable: the store is away, or another writer came first.
            Poison, Unavailable: the exports of a batch cannot be read.
        """
        first = 0
        for index, record in enumerate(part):
            if isinstance(record.event, BatchFiled):
                if index > first:
                    await self._write(part[first:index], part[index - 1].sequence)
                # before the event itself: a new projection has not seen the batch's events
                await self.apply_exported(record.group, record.event)
                first = index
        await self._write(part[first:], part[-1].sequence)

    async def apply_exported(
        self, group: str, retired: BatchFiled, until: int | None = None
    ) -> None:
        """Apply a retired batch's exported events, or those up to ``until``; raises as `apply`.

        Documents only move forward, so those that reflect these events stay.
        """
        known = (await self._load_batches({group})).get(group)
        # already reflected, as in any projection that followed the log
        if known is not None and known.sequence >= retired.until:
            return
        async with aclosing(self._events.read_exported(retired)) as stretches:
            async for stretch in stretches:
                records = [r for r in stretch if until is None or r.sequence <= until]
                for part in split_events(records, MAX_DOCUMENTS):
                    await self._write(part, self.sequence)

    async def _write(self, part: Sequence[RecordedEvent], checkpoint: int) -> None:
        affected = affected_documents(part)
        jobs = await self._load_jobs(affected.job_ids)
        batches = await self._load_batches(affected.groups)
        changes = fold(part, jobs, batches, after=self.sequence)
        changes = msgspec.structs.replace(changes, checkpoint=checkpoint)
        await self._store.apply(changes)
        self.sequence = checkpoint
        # only once written: after a fault the cache is dropped with this applier
        self._cache(changes)

    async def _load_jobs(self, job_ids: Collection[str]) -> dict[str, JobDocument]:
        known = {job_id: self._jobs[job_id] for job_id in job_ids if job_id in self._jobs}
        return known | await self._store.jobs(job_ids - known.keys())

    async def _load_batches(self, groups: Collection[str]) -> dict[str, BatchDocument]:
        known = {group: self._batches[group] for group in groups if group in self._batches}
        return known | await self._store.batches(groups - known.keys())

    def _cache(self, changes: Changes) -> None:
        """Cache unfinished documents: finished ones rarely get another event."""
        for job in changes.jobs:
            self._jobs.pop(job.job_id, None)
            if job.status in {"pending", "processing"}:
                self._jobs[job.job_id] = job
        for batch in changes.batches:
            self._batches.pop(batch.group, None)
            if batch.status == "processing":
                self._batches[batch.group] = batch
        self._evict(changes)

    def _evict(self, changes: Changes) -> None:
        for job_id in changes.deleted_jobs:
            self._jobs.pop(job_id, None)
        for group in changes.deleted_groups:
            self._batches.pop(group, None)
            for job_id in [key for key, job in self._jobs.items() if job.group == group]:
                del self._jobs[job_id]
        while len(self._jobs) > MAX_CACHED_JOBS:
            del self._jobs[next(iter(self._jobs))]
        while len(self._batches) > MAX_CACHED_BATCHES:
            del self._batches[next(iter(self._batches))]
