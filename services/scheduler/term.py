"""One term of a scheduler: fold, work off the backlog, then run rounds until the memory is stale.

The order matters: fold; list the tasks that are out; note where the backlog ends; work it off;
only then hand out. A task that is neither listed nor reported by then is certainly lost.
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

MAX_DELIVERIES = 500  # in a round; what arrives meanwhile is the next one
MAX_WAIT_S = 1.0
PULLS_EXPIRE_S = 2.0  # less than a lease: the server feeds a frozen scheduler until then
KINDS: tuple[WorkKind, ...] = ("fetch", "archive")


class Term:
    """One lifetime of the memory, over a fixed set of partitions."""

    ready = False
    _busy_kinds: tuple[str, ...] = ()  # kinds with tasks running or waiting

    def __init__(
        self,
        *,
        connection: Connection,
        leases: PartitionLeases,
        blobs: Blobs,
        workers: WorkerCapacity,
        lag: ProjectionLag,
        policy: Policy,
        clock: Callable[[], datetime],
        faults: Counter[tuple[str, int]],
        on_change: Callable[[], None],
        trusts_snapshots: bool,
        log: Logger,
    ) -> None:
        self._on_change = on_change
        self._trusts_snapshots = trusts_snapshots
        self.partitions = leases.held
        self._connection = connection
        self._leases = leases
        self._events = EventLog(connection)
        self._memory = Memory()
        self._snapshots = Snapshots(connection, self._events, self.partitions, log)
        self._policy = policy
        self._clock = clock
        self._log = log
        self._rounds = Rounds(
            connection=connection,
            events=self._events,
            leases=leases,
            blobs=blobs,
            memory=self._memory,
            workers=workers,
            lag=lag,
            policy=policy,
            faults=faults,
            log=log,
        )
        self._sources = backlog.scheduler_sources(self.partitions)
        self._pull = Pull(connection, self._sources, expires_s=PULLS_EXPIRE_S)

    async def run(self, stop: asyncio.Event) -> None:
        """Fold, catch up, and run rounds until ``stop`` or until the set of leases changes.

        Raises:
            Conflict, StaleMemory, StorageFull, Unavailable: the memory can no longer be trusted.
        """
        # a restore that was interrupted leaves a log without its end
        await check_whole(self._connection)
        # memory streams and their consumers are lost with each server restart
        await backlog.prepare_partitions(self._connection, self.partitions)
        await self._fold()
        await self._list_tasks_out()
        # after the listing: a task that ended in between has its report before these ends
        ends = await backlog.read_ends(self._connection)
        await self._pull.open()
        try:
            pending = await backlog.find_unfinished(self._connection, self._sources, ends)
            while pending and self._may_continue(stop):
                await self._run_round()
                pending = await backlog.find_unfinished(self._connection, pending, ends)
            self.ready = not pending
            self._on_change()
            self._log.info(
                "scheduler.ready",
                position=self._memory.position,
                partitions=len(self.partitions),
            )
            while self._may_continue(stop):
                await self._run_round()
                if self.ready:
                    await self._snapshots.store_next(self._memory)
        finally:
            self.ready = False
            await self._snapshots.close()
            await self._pull.close()

    @property
    def is_throttled(self) -> bool:
        """True if the last round held jobs back because the projection lags."""
        return self._rounds.is_throttled

    def count_wanted(self) -> dict[str, int]:
        """Return how many tasks of each kind are running or waiting for a worker."""
        return {kind: self._memory.agenda.count_wanted(kind) for kind in KINDS}

    def wake(self) -> None:
        """Start a round now: something other than a message has changed."""
        self._pull.wake()

    def _may_continue(self, stop: asyncio.Event) -> bool:
        return not stop.is_set() and self._leases.held == self.partitions

    async def _fold(self) -> None:
        last = await self._events.last_sequence()
        known = dict.fromkeys(self.partitions, 0)
        if self._trusts_snapshots:
            known = await self._snapshots.load(self._memory, last)
        # partitions have snapshots of different ages: read from the oldest one
        first = min(known.values())
        async for stretch in self._events.follow(first, until=last, partitions=self.partitions):
            for record in stretch:
                if record.sequence > known[token_of(record.group)]:
                    self._memory.fold(record)
        self._memory.position = last
        if self._events.non_events:
            # forged messages count in their subject's sequence, which an append must expect
            self._memory.note_passed(self._events.non_events)
            self._log.error(
                "log.forged", reason=frames.FORGED, subjects=len(self._events.non_events)
            )
        self._log.info("scheduler.folded", position=self._memory.position)
        if not self._leases.is_sure:
            raise Unavailable("the lease ran out while the log was read")
        # a crash came between an append and its purges
        for purge in self._memory.pending_purges:
            await self._events.purge(purge.subject, purge.keep, purge.before)

    async def _list_tasks_out(self) -> None:
        listed = await backlog.list_tasks_out(self._connection, self.partitions)
        until = self._clock() + self._policy.attempt_timeout
        for kind in KINDS:
            running = {TaskKey(kind, t.group, t.n, t.attempt) for t in listed if t.kind == kind}
            self._memory.agenda.note_tasks_out(kind, running, until)

    async def _run_round(self) -> None:
        for source in range(len(self._sources)):
            await self._pull.set_demand(source, MAX_DELIVERIES)
        deliveries = await self._pull.receive(MAX_DELIVERIES, self._wait_s())
        if self._leases.held != self.partitions:
            return  # unacknowledged: they are redelivered to the new owner
        now = self._clock()
        events = await self._rounds.run(deliveries, now, release=self.ready)
        if deliveries or events:
            self._log.debug("round.done", messages=len(deliveries), events=events)
        busy_kinds = tuple(kind for kind, count in self.count_wanted().items() if count)
        if busy_kinds != self._busy_kinds:  # changes other schedulers' share of the workers
            self._busy_kinds = busy_kinds
            self._on_change()

    def _wait_s(self) -> float:
        """Return the seconds to wait for messages: until the next due time, at most 1."""
        if not self.ready:
            # short: an empty backlog is noticed only between two pulls
            return 0.02
        due = self._memory.agenda.next_due()
        if due is None:
            return MAX_WAIT_S
        return min(max((due - self._clock()).total_seconds(), 0.0), MAX_WAIT_S)
