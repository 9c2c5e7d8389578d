"""Builds the projection anew from the log, beside the one that is read, and then puts it there.

Nobody notices: reads go on from the old one, the projector goes on writing it, and the switch is
one step. Whatever ends this before the switch leaves everything as it was.
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

import msgspec

from eventjob.contracts.events import BatchFiled
from eventjob.domain.recorded_event import RecordedEvent
from eventjob.projection.fold import slices
from eventjob.projection.store import Store
from eventjob.runtime.async_tasks import cancel_and_wait
from eventjob.runtime.lifecycle import Stop
from services.projector.apply import EventApplier, Events, end_of

MOST_DOCUMENTS = 5000  # written by one transaction: less than half a second for the other writers


class Interrupted(Exception):
    """Whoever runs this wants it to end."""


class RebuildProgress(msgspec.Struct):
    """How far a rebuild is."""

    events: int = 0  # taken so far
    sequence: int = 0
    last: int = 0  # where the log ended when it was last looked at
    began: float = msgspec.field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self.began


Tell = Callable[[RebuildProgress], None]


class GenerationBuilder:
    """A projection that is built from the log, which says how far it is."""

    def __init__(self, events: Events, store: Store, tell: Tell, stop: Stop) -> None:
        self.progress = RebuildProgress()
        self._events = events
        self._projecting = EventApplier(events, store, 0)
        self._tell = tell
        self._stop = stop

    @property
    def sequence(self) -> int:
        """The last event that it reflects."""
        return self._projecting.sequence

    async def reach(self, sequence: int) -> None:
        """Reflect the log up to there, and nothing behind it. Raises as `rebuild`."""
        self.progress.last = sequence
        if self.sequence >= sequence:
            return
        async with aclosing(self._events.follow(self.sequence, sequence)) as stretches:
            while stretch := await self._next(stretches):
                wanted = bisect_right(stretch, sequence, key=lambda record: record.sequence)
                for part in slices(stretch[:wanted], MOST_DOCUMENTS):
                    await self._take(part)

    async def look_ahead(self, reflected: int, last: int) -> None:
        """Reflect what happened up to ``reflected``, and is no more in the log: filed behind it.

        Raises as `rebuild`.
        """
        if reflected >= last:
            return
        async with aclosing(self._events.follow(self.sequence, last)) as stretches:
            while stretch := await self._next(stretches):
                for record in stretch:
                    if isinstance(record.event, BatchFiled):
                        await self._projecting.catch_up(record.group, record.event, reflected)

    async def _next(
        self, stretches: AsyncGenerator[list[RecordedEvent]]
    ) -> list[RecordedEvent] | None:
        """The next stretch, None after the last; a stop is not kept waiting for it."""
        following = asyncio.ensure_future(anext(stretches, None))
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
            self.check_stop()
            return await following
        finally:
            await cancel_and_wait(following, stopping)

    async def _take(self, part: Sequence[RecordedEvent]) -> None:
        self.check_stop()
        await self._projecting.apply(part)
        self.progress.events += len(part)
        self.progress.sequence = self.sequence
        self._tell(self.progress)

    def check_stop(self) -> None:
        """Nothing, as long as it may go on.

        Raises:
            Interrupted: it may not.
        """
        if self._stop.is_set():
            raise Interrupted


async def rebuild(events: Events, store: Store, tell: Tell, stop: Stop) -> RebuildProgress:
    """The projection is built and switched to.

    Args:
        events: the log.
        store: what is read until then, and written by the projector.
        tell: hears, after each stretch, how far it is.
        stop: ends it before the switch.

    Raises:
        Interrupted, AnotherLog, Poison, Unavailable, StoreUnavailable: nothing was switched.
    """
    beside = await store.beside()
    building = GenerationBuilder(events, beside, tell, stop)
    try:
        is_adopted = False
        while not is_adopted:
            building.check_stop()
            await building.reach(await end_of(events, await store.checkpoint()))
            is_adopted = await store.adopt(beside)
    finally:
        await beside.close()
    return building.progress
