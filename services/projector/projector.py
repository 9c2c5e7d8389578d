"""The projector's loop: follow the log, apply events, announce the position."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from eventjob.bus.errors import Poison, Unavailable
from eventjob.contracts.announcements import ProjectedTo
from eventjob.projection.fold import split_events
from eventjob.projection.store import Store, StoreMoved, StoreRefused, StoreUnavailable
from eventjob.runtime.async_tasks import cancel_and_wait
from eventjob.runtime.logs import Logger
from services.projector.apply import AnotherLog, EventApplier, Events, read_log_end

MAX_DOCUMENTS = 4000  # written in one transaction, give or take an event
CHECK_EVERY_S = 1.0  # without events, only this notices a store that was replaced or emptied
ANNOUNCE_EVERY_S = 1.0
MIN_PAUSE_S = 0.1
MAX_PAUSE_S = 2.0

Announce = Callable[[ProjectedTo], Awaitable[None]]


class Projector:
    """Applies the log to a store, and announces the position.

    After any fault it starts again at the store's checkpoint, so no event is lost or skipped.
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
            running = [
                tasks.create_task(c) for c in (self._run_with_retries(), self._keep_announcing())
            ]
            await stop.wait()
            await cancel_and_wait(*running)

    async def _run_with_retries(self) -> None:
        pause_s = MIN_PAUSE_S
        while True:
            before = self._sequence
            try:
                await self._project_and_watch()
            # expected after a rebuild: no trouble to report
            except StoreMoved as reason:
                self._log.info("projection.moved", sequence=self._sequence, reason=str(reason))
            except (Unavailable, StoreUnavailable, Poison, AnotherLog) as reason:
                await self._report_trouble(reason)
            is_better = self._sequence > before
            # back off only while no event gets through
            pause_s = MIN_PAUSE_S if is_better else min(2 * pause_s, MAX_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def _project_and_watch(self) -> None:
        """Project until a fault, or until the store has lost documents."""
        following = asyncio.create_task(self._follow_log())
        following.add_done_callback(_consume_error)
        try:
            while not following.done():
                await asyncio.wait({following}, timeout=CHECK_EVERY_S)
                known = self._sequence
                if following.done() or self._is_writing:  # a write detects it by itself
                    continue
                if await self._store.checkpoint() < known:
                    raise StoreUnavailable("the documents are gone")
            await following
        finally:
            await cancel_and_wait(following)

    async def _follow_log(self) -> None:
        """Apply the events after the checkpoint until a fault."""
        self._is_writing = False
        self._sequence = await self._store.checkpoint()
        if await read_log_end(self._events, self._sequence) == self._sequence:
            await self._announce_progress(trouble=None)
        applier = EventApplier(self._events, self._store, self._sequence)
        async with aclosing(self._events.follow(self._sequence)) as stretches:
            async for stretch in stretches:
                self._is_writing = True
                for part in split_events(stretch, MAX_DOCUMENTS):
                    await applier.apply(part)
                    self._sequence = applier.sequence
                    await self._announce_progress(trouble=None)
                self._is_writing = False

    async def _report_trouble(self, reason: Exception) -> None:
        """Log a trouble once when it begins, and announce it."""
        if self._trouble is None:
            # these need a person; the others pass
            is_final = isinstance(reason, Poison | AnotherLog | StoreRefused)
            log = self._log.error if is_final else self._log.warning
            log("projection.stopped", sequence=self._sequence, reason=str(reason))
        await self._announce_progress(trouble=str(reason))

    async def _announce_progress(self, *, trouble: str | None) -> None:
        if self._trouble is not None and trouble is None:
            self._log.info("projection.resumed", sequence=self._sequence)
        self._trouble = trouble
        await self._announce(ProjectedTo(sequence=self._sequence, stopped=trouble))

    async def _keep_announcing(self) -> None:
        while True:
            await self._announce(ProjectedTo(sequence=self._sequence, stopped=self._trouble))
            await asyncio.sleep(ANNOUNCE_EVERY_S)


def _consume_error(task: asyncio.Task[None]) -> None:
    """Mark the task's error as handled: the watching task reports it."""
    if not task.cancelled():
        task.exception()
