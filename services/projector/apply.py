"""Stretches of the log, one after the other, into a store: what projector and rebuild share."""

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from typing import Protocol

import msgspec

from eventjob.contracts.events import BatchFiled
from eventjob.domain.recorded_event import RecordedEvent
from eventjob.projection.fold import fold, slices, touched
from eventjob.projection.read_model import BatchDocument, JobDocument
from eventjob.projection.store import Changes, Store

MOST_JOBS = 10_000  # that are remembered, at some 2.5 KB each
MOST_BATCHES = 500
MOST_DOCUMENTS = 4000  # written by one transaction, of a batch that is filed


class Events(Protocol):
    """The event log, read; see `eventjob.retired.whole_log.WholeLog`."""

    def follow(self, after: int, until: int | None = None) -> AsyncGenerator[list[RecordedEvent]]:
        """Everything after ``after``, in stretches, up to the one with ``until``, or endless.

        Raises Unavailable or Poison.
        """

    async def last_sequence(self) -> int:
        """The newest event's sequence; Unavailable."""

    def exported(self, event: BatchFiled) -> AsyncGenerator[list[RecordedEvent]]:
        """The events that are no longer in the log, in stretches. Raises as `follow`."""


class AnotherLog(Exception):
    """The documents reflect more events than there are."""


async def end_of(events: Events, reflected: int) -> int:
    """The newest event's sequence, in a log that has all that the documents reflect.

    Raises:
        AnotherLog: it has not.
        Unavailable: nobody can say.
    """
    last = await events.last_sequence()
    if last < reflected:
        raise AnotherLog(f"the documents reflect event {reflected}, the log ends at {last}")
    return last


class EventApplier:
    """A store's documents as of ``sequence``, and from there on forward.

    What was written last is remembered, so that a job in progress is not read again for each of
    its events. The store takes nothing of anybody else meanwhile (`StoreMoved`), so what is
    remembered is what is there. After any fault it is good for nothing: make another one.
    """

    def __init__(self, events: Events, store: Store, sequence: int) -> None:
        self.sequence = sequence
        self._events = events
        self._store = store
        self._jobs: dict[str, JobDocument] = {}
        self._batches: dict[str, BatchDocument] = {}

    async def apply(self, part: Sequence[RecordedEvent]) -> None:
        """Write what the events, one or more, change.

        Raises:
            StoreUnavailable: the store is away, or somebody else wrote.
            Poison, Unavailable: what a batch's events were exported to cannot be read.
        """
        first = 0
        for index, record in enumerate(part):
            if isinstance(record.event, BatchFiled):
                if index > first:
                    await self._write(part[first:index], part[index - 1].sequence)
                await self.catch_up(record.group, record.event)
                first = index
        await self._write(part[first:], part[-1].sequence)

    async def catch_up(self, group: str, filed: BatchFiled, until: int | None = None) -> None:
        """Reflect what was exported, or of that what happened ``until`` then; raises as `apply`.

        Each document is only written forward, as ever.
        """
        known = (await self._known_batches({group})).get(group)
        if known is not None and known.sequence >= filed.until:
            return
        async with aclosing(self._events.exported(filed)) as stretches:
            async for stretch in stretches:
                past = [r for r in stretch if until is None or r.sequence <= until]
                for part in slices(past, MOST_DOCUMENTS):
                    await self._write(part, self.sequence)

    async def _write(self, part: Sequence[RecordedEvent], checkpoint: int) -> None:
        wanted = touched(part)
        jobs = await self._known_jobs(wanted.job_ids)
        batches = await self._known_batches(wanted.groups)
        changes = fold(part, jobs, batches, after=self.sequence)
        changes = msgspec.structs.replace(changes, checkpoint=checkpoint)
        await self._store.apply(changes)
        self.sequence = checkpoint
        self._remember(changes)

    async def _known_jobs(self, job_ids: Collection[str]) -> dict[str, JobDocument]:
        known = {job_id: self._jobs[job_id] for job_id in job_ids if job_id in self._jobs}
        return known | await self._store.jobs(job_ids - known.keys())

    async def _known_batches(self, groups: Collection[str]) -> dict[str, BatchDocument]:
        known = {group: self._batches[group] for group in groups if group in self._batches}
        return known | await self._store.batches(groups - known.keys())

    def _remember(self, changes: Changes) -> None:
        """Keep what is unfinished: of the rest little is heard again."""
        for job in changes.jobs:
            self._jobs.pop(job.job_id, None)
            if job.status in {"pending", "processing"}:
                self._jobs[job.job_id] = job
        for batch in changes.batches:
            self._batches.pop(batch.group, None)
            if batch.status == "processing":
                self._batches[batch.group] = batch
        self._forget(changes)

    def _forget(self, changes: Changes) -> None:
        for job_id in changes.deleted_jobs:
            self._jobs.pop(job_id, None)
        for group in changes.deleted_groups:
            self._batches.pop(group, None)
            for job_id in [key for key, job in self._jobs.items() if job.group == group]:
                del self._jobs[job_id]
        while len(self._jobs) > MOST_JOBS:
            del self._jobs[next(iter(self._jobs))]
        while len(self._batches) > MOST_BATCHES:
            del self._batches[next(iter(self._batches))]
