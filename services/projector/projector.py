"""Keeps the documents up with the event log, for ever, from wherever the store's checkpoint is."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from eventjob.bus.errors import Poison, Unavailable
from eventjob.contracts.announcements import ProjectedTo
from eventjob.projection.fold import slices
from eventjob.projection.store import Store, StoreMoved, StoreRefused, StoreUnavailable
from eventjob.runtime.async_tasks import cancel_and_wait
from eventjob.runtime.logs import Logger
from services.projector.apply import AnotherLog, EventApplier, Events, end_of

MOST_DOCUMENTS = 4000  # written by one transaction, give or take an event
CHECK_EVERY_S = 1.0  # whether the store is still there: without events nothing else would tell
ANNOUNCE_EVERY_S = 1.0
SHORTEST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0

Announce = Callable[[ProjectedTo], Awaitable[None]]


class Projector:
    """Applies stretch after stretch, and tells how far it is.

    Whatever goes wrong, it begins again at the store's checkpoint: nothing is lost, and nothing
    is ever skipped.
    """

    def __init__(self, events: Events, store: Store, announce: Announce, log: Logger) -> None:
        self._events = events
        self._store = store
        self._announce = announce
        self._log = log
        self._sequence = 0
        self._is_writing = False
        self._trouble: str | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Project until ``stop``."""
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self._persist()), tasks.create_task(self._repeat())]
            await stop.wait()
            await cancel_and_wait(*running)

    async def _persist(self) -> None:
        pause_s = SHORTEST_PAUSE_S
        while True:
            before = self._sequence
            try:
                await self._project_while_kept()
            except StoreMoved as reason:
                self._log.info("projection.moved", sequence=self._sequence, reason=str(reason))
            except (Unavailable, StoreUnavailable, Poison, AnotherLog) as reason:
                await self._note(reason)
            is_better = self._sequence > before
            pause_s = SHORTEST_PAUSE_S if is_better else min(2 * pause_s, LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def _project_while_kept(self) -> None:
        """Project until something goes wrong, or the store has lost what it was given."""
        projecting = asyncio.create_task(self._project())
        projecting.add_done_callback(_hear)
        try:
            while not projecting.done():
                await asyncio.wait({projecting}, timeout=CHECK_EVERY_S)
                known = self._sequence
                if projecting.done() or self._is_writing:  # a write finds out by itself
                    continue
                if await self._store.checkpoint() < known:
                    raise StoreUnavailable("the documents are gone")
            await projecting
        finally:
            await cancel_and_wait(projecting)

    async def _project(self) -> None:
        """Apply what comes after the checkpoint, until something goes wrong."""
        self._is_writing = False
        self._sequence = await self._store.checkpoint()
        if await end_of(self._events, self._sequence) == self._sequence:
            await self._tell(trouble=None)
        projecting = EventApplier(self._events, self._store, self._sequence)
        async with aclosing(self._events.follow(self._sequence)) as stretches:
            async for stretch in stretches:
                self._is_writing = True
                for part in slices(stretch, MOST_DOCUMENTS):
                    await projecting.apply(part)
                    self._sequence = projecting.sequence
                    await self._tell(trouble=None)
                self._is_writing = False

    async def _note(self, reason: Exception) -> None:
        """Log a trouble when it begins, not each time it is met again."""
        if self._trouble is None:
            is_final = isinstance(reason, Poison | AnotherLog | StoreRefused)
            log = self._log.error if is_final else self._log.warning
            log("projection.stopped", sequence=self._sequence, reason=str(reason))
        await self._tell(trouble=str(reason))

    async def _tell(self, *, trouble: str | None) -> None:
        if self._trouble is not None and trouble is None:
            self._log.info("projection.resumed", sequence=self._sequence)
        self._trouble = trouble
        await self._announce(ProjectedTo(sequence=self._sequence, stopped=trouble))

    async def _repeat(self) -> None:
        while True:
            await self._announce(ProjectedTo(sequence=self._sequence, stopped=self._trouble))
            await asyncio.sleep(ANNOUNCE_EVERY_S)


def _hear(projecting: asyncio.Task[None]) -> None:
    """Its trouble needs no second telling: the look at the store met it, too, or all is over."""
    if not projecting.cancelled():
        projecting.exception()
