"""The scheduler as a process: session after session, until it is told to stop."""

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

PAUSE_S = 0.2  # between two sessions
LONG_PAUSE_S = 2.0  # while there is no room in the log


async def run(settings: Settings, stop: Stop) -> None:
    """Decide until ``stop``.

    Raises:
        Unavailable: there is no NATS server to begin with.
        CannotStart: another process goes by the same name.
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
    """Keeps a session going over what it owns, tells the others, and hears of the workers."""

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
        self._readers = ProjectionLag()
        self._session: Term | None = None
        self._trusts_snapshots = True
        self._news = asyncio.Event()
        self._faults: Counter[tuple[str, int]] = Counter()  # of messages, over all sessions

    async def run(self, stop: asyncio.Event) -> None:
        """Session after session: whatever ends one, the next one folds anew.

        Raises:
            Displaced: another process has this one's name.
        """
        await listen(self._connection, (WorkerAlive, SchedulerAlive, ProjectedTo), self._hear)
        chores = [asyncio.create_task(self._tell()), asyncio.create_task(self._wake_at(stop))]
        owning = asyncio.create_task(self._leases.maintain(stop))
        chores.append(asyncio.create_task(self._wake_when_moved()))
        try:
            while not stop.is_set() and not owning.done():
                if await self._has_let_go() and self._leases.held:
                    await self._run_session(stop)
                else:
                    await self._leases.wait_for_change(PAUSE_S)
            await owning
            await self._leases.leave()
        finally:
            await cancel_and_wait(owning, *chores)

    async def _has_let_go(self) -> bool:
        """False where the bus does not hear of it, which whoever keeps the leases logs."""
        try:
            await self._leases.release_surplus()
        except Unavailable:
            return False
        return True

    async def _run_session(self, stop: asyncio.Event) -> None:
        self._session = Term(
            connection=self._connection,
            tenure=self._leases,
            blobs=self._blobs,
            workers=self._workers,
            readers=self._readers,
            policy=self._policy,
            clock=event_time,
            faults=self._faults,
            on_news=self._news.set,
            trusts_snapshots=self._trusts_snapshots,
            log=self._log,
        )
        self._trusts_snapshots = True
        try:
            await self._session.run(stop)
        except (Conflict, StaleMemory, Unavailable) as reason:
            # a snapshot may lack what a frozen scheduler appended when it woke: fold everything
            self._trusts_snapshots = isinstance(reason, Unavailable)
            self._log.warning("session.ended", reason=str(reason), because=type(reason).__name__)
            pause_s = LONG_PAUSE_S if isinstance(reason, StorageFull) else PAUSE_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await stop.wait()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake()

    async def _wake_when_moved(self) -> None:
        while True:
            await self._leases.wait_for_change(ANNOUNCE_EVERY_S)
            self._wake()

    def _wake(self) -> None:
        if self._session is not None:
            self._session.wake()

    async def _hear(self, announcement: Announcement) -> None:
        if isinstance(announcement, ProjectedTo):
            self._readers.hear(announcement)
            if self._session is not None and self._session.is_held_up:
                self._session.wake()
        elif isinstance(announcement, SchedulerAlive):
            self._workers.hear_other(announcement)
        elif isinstance(announcement, WorkerAlive) and self._workers.hear(announcement):
            self._log.info(
                "worker.heard",
                worker=announcement.worker,
                kind=announcement.kind,
                capacity=announcement.capacity,
            )
            self._wake()

    async def _tell(self) -> None:
        """Say how things stand, each second and when something has changed."""
        while True:
            await announce(self._connection, self._alive())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ANNOUNCE_EVERY_S):
                    await self._news.wait()
            self._news.clear()

    def _alive(self) -> SchedulerAlive:
        session = self._session
        if session is None or not session.ready:
            return SchedulerAlive(scheduler=self._name, ready=False, partitions=[])
        return SchedulerAlive(
            scheduler=self._name,
            ready=True,
            partitions=sorted(session.partitions),
            wanted=session.wanted(),
        )


def event_time() -> datetime:
    """This moment as events carry it: UTC, in whole milliseconds."""
    now = clock.now()
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
