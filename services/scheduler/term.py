"""From a fold of the log to the first sign that the memory can no longer be trusted.

The order after a start: fold; list what is out; note where the backlog ends; work off the
backlog; only then hand out. A task that is neither listed nor reported by then is lost for sure.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from eventjob.bus.backup.restore_streams import check_whole
from eventjob.bus.errors import Unavailable
from eventjob.bus.log.log import EventLog
from eventjob.bus.roles import backlog
from eventjob.bus.subjects import token_of
from eventjob.bus.wire import frames
from eventjob.bus.wire.connection import Connection
from eventjob.bus.wire.pull import Pull
from eventjob.contracts.announcements import WorkKind
from eventjob.domain.retry import Policy
from eventjob.runtime.logs import Logger
from services.scheduler.agenda import TaskKey
from services.scheduler.capacity import ProjectionLag, WorkerCapacity
from services.scheduler.memory import Memory
from services.scheduler.ports import Blobs, PartitionLeases
from services.scheduler.round import Rounds
from services.scheduler.snapshots import Snapshots

MOST_DELIVERIES = 500  # in a round
LONGEST_WAIT_S = 1.0
PULLS_EXPIRE_S = 2.0  # before others take over from a scheduler that is frozen
KINDS: tuple[WorkKind, ...] = ("fetch", "archive")


class Term:
    """One life of the memory, over the partitions that this scheduler owns meanwhile."""

    ready = False
    _busy: tuple[str, ...] = ()  # kinds of work that there is

    def __init__(
        self,
        *,
        connection: Connection,
        tenure: PartitionLeases,
        blobs: Blobs,
        workers: WorkerCapacity,
        readers: ProjectionLag,
        policy: Policy,
        clock: Callable[[], datetime],
        faults: Counter[tuple[str, int]],
        on_news: Callable[[], None],
        trusts_snapshots: bool,
        log: Logger,
    ) -> None:
        self._on_news = on_news
        self._trusts_snapshots = trusts_snapshots
        self.partitions = tenure.held
        self._connection = connection
        self._tenure = tenure
        self._events = EventLog(connection)
        self._memory = Memory()
        self._keeping = Snapshots(connection, self._events, self.partitions, log)
        self._policy = policy
        self._clock = clock
        self._log = log
        self._rounds = Rounds(
            connection=connection,
            events=self._events,
            tenure=tenure,
            blobs=blobs,
            memory=self._memory,
            workers=workers,
            readers=readers,
            policy=policy,
            faults=faults,
            log=log,
        )
        self._sources = backlog.scheduler_sources(self.partitions)
        self._pull = Pull(connection, self._sources, expires_s=PULLS_EXPIRE_S)

    async def run(self, stop: asyncio.Event) -> None:
        """Fold, catch up, and work round after round until ``stop``, or until others take over.

        Raises:
            Conflict, StaleMemory, StorageFull, Unavailable: this memory is at its end.
        """
        await check_whole(self._connection)
        await backlog.prepare_partitions(self._connection, self.partitions)
        await self._fold()
        await self._find_out()
        ends = await backlog.read_ends(self._connection)
        await self._pull.open()
        try:
            left = await backlog.find_unfinished(self._connection, self._sources, ends)
            while left and self._goes_on(stop):
                await self._round()
                left = await backlog.find_unfinished(self._connection, left, ends)
            self.ready = not left
            self._on_news()
            self._log.info(
                "scheduler.ready",
                position=self._memory.position,
                partitions=len(self.partitions),
            )
            while self._goes_on(stop):
                await self._round()
                if self.ready:
                    await self._keeping.go_on(self._memory)
        finally:
            self.ready = False
            await self._keeping.end()
            await self._pull.close()

    @property
    def is_held_up(self) -> bool:
        """Whether nothing was started last time because readers are behind."""
        return self._rounds.is_held_up

    def wanted(self) -> dict[str, int]:
        """How many tasks of each kind are out, or wait for a worker."""
        return {kind: self._memory.agenda.wanted(kind) for kind in KINDS}

    def wake(self) -> None:
        """Begin a round now: something besides messages has changed."""
        self._pull.wake()

    def _goes_on(self, stop: asyncio.Event) -> bool:
        return not stop.is_set() and self._tenure.held == self.partitions

    async def _fold(self) -> None:
        last = await self._events.last_sequence()
        known = dict.fromkeys(self.partitions, 0)
        if self._trusts_snapshots:
            known = await self._keeping.load(self._memory, last)
        first = min(known.values())
        async for stretch in self._events.follow(first, until=last, partitions=self.partitions):
            for record in stretch:
                if record.sequence > known[token_of(record.group)]:
                    self._memory.fold(record)
        self._memory.position = last
        if self._events.non_events:
            self._memory.heed(self._events.non_events)
            self._log.error(
                "log.forged", reason=frames.FORGED, subjects=len(self._events.non_events)
            )
        self._log.info("scheduler.folded", position=self._memory.position)
        if not self._tenure.is_sure:
            raise Unavailable("the lease ran out while the log was read")
        for purge in self._memory.leftovers:
            await self._events.purge(purge.subject, purge.keep, purge.before)

    async def _find_out(self) -> None:
        found = await backlog.list_tasks_out(self._connection, self.partitions)
        until = self._clock() + self._policy.attempt_timeout
        for kind in KINDS:
            out = {TaskKey(kind, t.group, t.n, t.attempt) for t in found if t.kind == kind}
            self._memory.agenda.found_out(kind, out, until)

    async def _round(self) -> None:
        for source in range(len(self._sources)):
            await self._pull.set_demand(source, MOST_DELIVERIES)
        deliveries = await self._pull.receive(MOST_DELIVERIES, self._longest_wait())
        if self._tenure.held != self.partitions:
            return  # they come again to whoever owns them now
        now = self._clock()
        events = await self._rounds.run(deliveries, now, release=self.ready)
        if deliveries or events:
            self._log.debug("round.done", messages=len(deliveries), events=events)
        busy = tuple(kind for kind, count in self.wanted().items() if count)
        if busy != self._busy:  # others' share of the workers changes
            self._busy = busy
            self._on_news()

    def _longest_wait(self) -> float:
        """Seconds until time brings something, a second at most; little while catching up."""
        if not self.ready:
            return 0.02
        due = self._memory.agenda.next_due()
        if due is None:
            return LONGEST_WAIT_S
        return min(max((due - self._clock()).total_seconds(), 0.0), LONGEST_WAIT_S)
