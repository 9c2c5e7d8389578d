"""From a fold of the log to the first sign that the memory can no longer be trusted.

The order after a start: fold; note where the backlog ends; list what is out; work off the
backlog; only then hand out. A task that is neither listed nor reported by then is lost for sure.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from eventjob.bus import backlog, subjects
from eventjob.bus.connection import Connection
from eventjob.bus.log import EventLog
from eventjob.bus.pull import Pull, Source
from eventjob.contracts.announcements import WorkKind
from eventjob.domain.retry import Policy
from eventjob.runtime.logs import Logger
from services.scheduler.agenda import Errand
from services.scheduler.memory import Memory
from services.scheduler.readers import Readers
from services.scheduler.round import Blobs, Rounds
from services.scheduler.workers import Workers

MOST_DELIVERIES = 500  # in a round
LONGEST_WAIT_S = 1.0
KINDS: tuple[WorkKind, ...] = ("fetch", "archive")


class Session:
    """One life of the memory."""

    def __init__(
        self,
        *,
        connection: Connection,
        blobs: Blobs,
        workers: Workers,
        readers: Readers,
        policy: Policy,
        clock: Callable[[], datetime],
        faults: Counter[tuple[str, int]],
        log: Logger,
    ) -> None:
        self.ready = False
        self._connection = connection
        self._events = EventLog(connection)
        self._memory = Memory()
        self._policy = policy
        self._clock = clock
        self._log = log
        self._rounds = Rounds(
            connection=connection,
            events=self._events,
            blobs=blobs,
            memory=self._memory,
            workers=workers,
            readers=readers,
            policy=policy,
            faults=faults,
            log=log,
        )
        self._pull = Pull(connection, _sources())

    async def run(self, stop: asyncio.Event) -> None:
        """Fold, catch up, and work round after round until ``stop``.

        Raises:
            Conflict, StaleMemory, StorageFull, Unavailable: this memory is at its end.
        """
        await backlog.prepare(self._connection)
        await self._fold()
        ends = await backlog.ends(self._connection)
        await self._find_out()
        await self._pull.open()
        try:
            while not stop.is_set() and not self.ready:
                await self._round()
                self.ready = await backlog.is_done(self._connection, ends)
            self._log.info("scheduler.ready", position=self._memory.position)
            while not stop.is_set():
                await self._round()
        finally:
            await self._pull.close()

    @property
    def is_held_up(self) -> bool:
        """Whether nothing was started last time because readers are behind."""
        return self._rounds.is_held_up

    def wake(self) -> None:
        """Begin a round now: something besides messages has changed."""
        self._pull.wake()

    async def _fold(self) -> None:
        last = await self._events.last_sequence()
        async for stretch in self._events.follow(0, until=last):
            for record in stretch:
                self._memory.fold(record)
        self._log.info("scheduler.folded", position=self._memory.position)
        for purge in self._memory.leftovers:
            await self._events.purge(purge.subject, purge.keep)

    async def _find_out(self) -> None:
        found = await backlog.tasks_out(self._connection)
        until = self._clock() + self._policy.attempt_timeout
        for kind in KINDS:
            out = {Errand(kind, t.group, t.n, t.attempt) for t in found if t.kind == kind}
            self._memory.agenda.found_out(kind, out, until)

    async def _round(self) -> None:
        for source in range(len(_sources())):
            await self._pull.keep(source, MOST_DELIVERIES)
        deliveries = await self._pull.take(MOST_DELIVERIES, self._longest_wait())
        now = self._clock()
        events = await self._rounds.run(deliveries, now, release=self.ready)
        if deliveries or events:
            self._log.debug("round.done", messages=len(deliveries), events=events)

    def _longest_wait(self) -> float:
        """Seconds until time brings something, a second at most; little while catching up."""
        if not self.ready:
            return 0.02
        due = self._memory.agenda.next_due()
        if due is None:
            return LONGEST_WAIT_S
        return min(max((due - self._clock()).total_seconds(), 0.0), LONGEST_WAIT_S)


def _sources() -> list[Source]:
    return [
        Source(stream, subjects.scheduler_durable(token))
        for token in subjects.ALL_PARTITIONS
        for stream in backlog.SCHEDULER_STREAMS
    ]
