"""Build a new generation of the projection from the log, and switch to it.

Readers and the projector stay on the current generation; the switch is one step. Whatever ends a
rebuild earlier leaves everything unchanged.
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

import msgspec

from eventjob.contracts.events import BatchFiled
from eventjob.domain.recorded_event import RecordedEvent
from eventjob.projection.fold import split_events
from eventjob.projection.store import Store
from eventjob.runtime.async_tasks import cancel_and_wait
from eventjob.runtime.lifecycle import Stop
from services.projector.apply import EventApplier, Events, read_log_end

MAX_DOCUMENTS = 5000  # in one transaction: other writers wait less than half a second


class Interrupted(Exception):
    """The rebuild was asked to stop."""


class RebuildProgress(msgspec.Struct):
    """The progress of a rebuild."""

    events: int = 0  # applied so far
    sequence: int = 0
    last: int = 0  # the log's end when it was last read
    started_at: float = msgspec.field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """The time since the start."""
        return time.monotonic() - self.started_at


Report = Callable[[RebuildProgress], None]


class GenerationBuilder:
    """Folds the log into a generation, and reports its progress."""

    def __init__(self, events: Events, store: Store, report: Report, stop: Stop) -> None:
        self.progress = RebuildProgress()
        self._events = events
        self._applier = EventApplier(events, store, 0)
        self._report = report
        self._stop = stop

    @property
    def sequence(self) -> int:
        """The last event that the generation reflects."""
        return self._applier.sequence

    async def fold_to(self, sequence: int) -> None:
        """Apply the log up to exactly ``sequence``; raises as `rebuild`."""
        self.progress.last = sequence
        if self.sequence >= sequence:
            return
        async with aclosing(self._events.follow(self.sequence, sequence)) as stretches:
            while stretch := await self._next_stretch(stretches):
                count = bisect_right(stretch, sequence, key=lambda record: record.sequence)
                for part in split_events(stretch[:count], MAX_DOCUMENTS):
                    await self._apply(part)

    async def fold_retired_later(self, reflected: int, last: int) -> None:
        """Apply what happened up to ``reflected`` to batches that were retired after it.

        Their events are only in exports, which later events name. Raises as `rebuild`.
        """
        if reflected >= last:
            return
        async with aclosing(self._events.follow(self.sequence, last)) as stretches:
            while stretch := await self._next_stretch(stretches):
                for record in stretch:
                    if isinstance(record.event, BatchFiled):
                        await self._applier.apply_exported(record.group, record.event, reflected)

    async def _next_stretch(
        self, stretches: AsyncGenerator[list[RecordedEvent]]
    ) -> list[RecordedEvent] | None:
        """Return the next stretch, None at the end; a stop ends the wait."""
        next_stretch = asyncio.ensure_future(anext(stretches, None))
        stopped = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({next_stretch, stopped}, return_when=asyncio.FIRST_COMPLETED)
            self.check_stop()
            return await next_stretch
        finally:
            await cancel_and_wait(next_stretch, stopped)

    async def _apply(self, part: Sequence[RecordedEvent]) -> None:
        self.check_stop()
        await self._applier.apply(part)
        self.progress.events += len(part)
        self.progress.sequence = self.sequence
        self._report(self.progress)

    def check_stop(self) -> None:
        """Raise `Interrupted` if the rebuild was asked to stop."""
        if self._stop.is_set():
            raise Interrupted


async def rebuild(events: Events, store: Store, report: Report, stop: Stop) -> RebuildProgress:
    """Build a new generation and switch to it.

    Args:
        events: the log.
        store: the projection that readers and the projector use meanwhile.
        report: called with the progress after each stretch.
        stop: ends the rebuild before the switch.

    Raises:
        Interrupted, AnotherLog, Poison, Unavailable, StoreUnavailable: nothing was switched.
    """
    generation = await store.create_generation()
    builder = GenerationBuilder(events, generation, report, stop)
    try:
        is_adopted = False
        # the projector goes on meanwhile: catch up until the store accepts the switch
        while not is_adopted:
            builder.check_stop()
            await builder.fold_to(await read_log_end(events, await store.checkpoint()))
            # refused while this one lags, so that readers never go back in time
            is_adopted = await store.adopt(generation)
    finally:
        await generation.close()
    return builder.progress
