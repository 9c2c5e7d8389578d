"""The scheduler process: run term after term until it is told to stop."""

import asyncio
import contextlib
from collections import Counter
from datetime import datetime
from uuid import uuid4

from eventjob.artifacts.open_artifacts import reach_artifacts
from eventjob.bus.buckets.leases import Displaced, Leases
from eventjob.bus.errors import Conflict, StorageFull, Unavailable
from eventjob.bus.roles.announcements import ANNOUNCE_EVERY_S, announce, listen
from eventjob.bus.subjects import ALL_PARTITIONS
from eventjob.bus.wire.connection import Connection, connect_as
from eventjob.contracts.announcements import Announcement, ProjectedTo, SchedulerAlive, WorkerAlive
from eventjob.domain.errors import StaleMemory
from eventjob.domain.retry import Policy
from eventjob.runtime import clock
from eventjob.runtime.async_tasks import cancel_and_wait
from eventjob.runtime.lifecycle import CannotStart, Stop
from eventjob.runtime.logs import Logger, get_logger
from eventjob.runtime.settings import Settings
from services.scheduler.capacity import ProjectionLag, WorkerCapacity
from services.scheduler.ports import Blobs
from services.scheduler.term import Term

TERM_PAUSE_S = 0.2  # between two terms
FULL_PAUSE_S = 2.0  # while the log is full


async def run(settings: Settings, stop: Stop) -> None:
    """Run the scheduler until ``stop``.

    Raises:
        Unavailable: no NATS server answers at the start.
        CannotStart: another process uses the same instance name.
    """
    log = get_logger("scheduler")
    artifacts = await reach_artifacts(settings.artifacts_url)
    connection = await connect_as("scheduler", settings.nats, log)
    policy = Policy(
        max_attempts=settings.max_attempts,
        first_pause=settings.first_pause,
        attempt_timeout=settings.attempt_timeout,
    )
    scheduler = Scheduler(
        connection, artifacts, policy, log, instance=settings.instance or uuid4().hex
    )
    try:
        await scheduler.run(stop)
    except Displaced as reason:
        raise CannotStart(str(reason)) from reason
    finally:
        await connection.close()


class Scheduler:
    """Runs terms over the leased partitions, announces itself, and tracks the workers."""

    def __init__(
        self, connection: Connection, blobs: Blobs, policy: Policy, log: Logger, *, instance: str
    ) -> None:
        self._connection = connection
        self._blobs = blobs
        self._policy = policy
        self._log = log
        self._name = instance
        self._leases = Leases(
            connection, role="scheduler", instance=instance, parts=ALL_PARTITIONS, log=log
        )
        self._workers = WorkerCapacity(instance)
        self._lag = ProjectionLag()
        self._term: Term | None = None
        self._trusts_snapshots = True
        self._changed = asyncio.Event()
        self._faults: Counter[tuple[str, int]] = Counter()  # of messages, over all terms

    async def run(self, stop: asyncio.Event) -> None:
        """Run term after term: every fault ends one, and the next folds the log again.

        Raises:
            Displaced: another process uses this instance name.
        """
        await listen(self._connection, (WorkerAlive, SchedulerAlive, ProjectedTo), self._note)
        loops = self._keep_announcing(), self._wake_on_stop(stop), self._wake_on_lease_change()
        background = [asyncio.create_task(loop) for loop in loops]
        renewal = asyncio.create_task(self._leases.maintain(stop))
        try:
            while not stop.is_set() and not renewal.done():
                if await self._release_surplus() and self._leases.held:
                    await self._run_term(stop)
                else:
                    await self._leases.wait_for_change(TERM_PAUSE_S)
            await renewal
            # other schedulers take over at once instead of after the lease expires
            await self._leases.leave()
        finally:
            await cancel_and_wait(renewal, *background)

    async def _release_surplus(self) -> bool:
        """Free partitions beyond the fair share; False if the bus was unavailable."""
        try:
            await self._leases.release_surplus()
        except Unavailable:
            return False
        return True

    async def _run_term(self, stop: asyncio.Event) -> None:
        self._term = Term(
            connection=self._connection,
            leases=self._leases,
            blobs=self._blobs,
            workers=self._workers,
            lag=self._lag,
            policy=self._policy,
            clock=event_time,
            faults=self._faults,
            on_change=self._changed.set,
            trusts_snapshots=self._trusts_snapshots,
            log=self._log,
        )
        self._trusts_snapshots = True
        try:
            await self._term.run(stop)
        except (Conflict, StaleMemory, Unavailable) as reason:
            # a snapshot may lack what a frozen scheduler appended on waking: fold the whole log
            self._trusts_snapshots = isinstance(reason, Unavailable)
            self._log.warning("session.ended", reason=str(reason), because=type(reason).__name__)
            delay_s = FULL_PAUSE_S if isinstance(reason, StorageFull) else TERM_PAUSE_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await stop.wait()

    async def _wake_on_stop(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake()

    async def _wake_on_lease_change(self) -> None:
        while True:
            await self._leases.wait_for_change(ANNOUNCE_EVERY_S)
            self._wake()

    def _wake(self) -> None:
        if self._term is not None:
            self._term.wake()

    async def _note(self, announcement: Announcement) -> None:
        if isinstance(announcement, ProjectedTo):
            self._lag.note_position(announcement)
            # a round that started nothing because of the lag may start jobs now
            if self._term is not None and self._term.is_throttled:
                self._term.wake()
        elif isinstance(announcement, SchedulerAlive):
            self._workers.note_scheduler(announcement)
        elif isinstance(announcement, WorkerAlive) and self._workers.note_worker(announcement):
            self._log.info(
                "worker.heard",
                worker=announcement.worker,
                kind=announcement.kind,
                capacity=announcement.capacity,
            )
            self._wake()

    async def _keep_announcing(self) -> None:
        """Announce this scheduler every second and after each change."""
        while True:
            await announce(self._connection, self._status())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ANNOUNCE_EVERY_S):
                    await self._changed.wait()
            self._changed.clear()

    def _status(self) -> SchedulerAlive:
        term = self._term
        if term is None or not term.ready:
            return SchedulerAlive(scheduler=self._name, ready=False, partitions=[])
        return SchedulerAlive(
            scheduler=self._name,
            ready=True,
            partitions=sorted(term.partitions),
            wanted=term.count_wanted(),
        )


def event_time() -> datetime:
    """Return the current time as events carry it: UTC, whole milliseconds."""
    now = clock.now()
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
