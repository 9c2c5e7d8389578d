"""The scheduler as a process: session after session, until it is told to stop."""

import asyncio
import contextlib
from collections import Counter
from datetime import datetime
from uuid import uuid4

from eventjob.artifacts.store import open_artifacts
from eventjob.bus.announcements import EVERY_S, announce, listen
from eventjob.bus.connection import Connection, connect_as
from eventjob.bus.errors import Conflict, StorageFull, Unavailable
from eventjob.contracts.announcements import Announcement, ProjectedTo, SchedulerAlive, WorkerAlive
from eventjob.domain.errors import StaleMemory
from eventjob.domain.retry import Policy
from eventjob.runtime import clock
from eventjob.runtime.lifecycle import Stop
from eventjob.runtime.logs import Logger, get_logger
from eventjob.runtime.settings import Settings
from eventjob.runtime.tasks import end
from services.scheduler.readers import Readers
from services.scheduler.round import Blobs
from services.scheduler.session import Session
from services.scheduler.workers import Workers

PAUSE_S = 0.2  # between two sessions
LONG_PAUSE_S = 2.0  # while there is no room in the log


async def run(settings: Settings, stop: Stop) -> None:
    """Decide until ``stop``.

    Raises:
        Unavailable: there is no NATS server to begin with.
    """
    log = get_logger("scheduler")
    connection = await connect_as("scheduler", settings.nats, log)
    policy = Policy(
        max_attempts=settings.max_attempts,
        first_pause=settings.first_pause,
        attempt_timeout=settings.attempt_timeout,
    )
    scheduler = Scheduler(connection, open_artifacts(settings.artifacts_url), policy, log)
    try:
        await scheduler.run(stop)
    finally:
        await connection.close()


class Scheduler:
    """Keeps a session going, tells the others, and hears of the workers."""

    def __init__(self, connection: Connection, blobs: Blobs, policy: Policy, log: Logger) -> None:
        self._connection = connection
        self._blobs = blobs
        self._policy = policy
        self._log = log
        self._name = uuid4().hex
        self._workers = Workers()
        self._readers = Readers()
        self._session: Session | None = None
        self._faults: Counter[tuple[str, int]] = Counter()  # of messages, over all sessions

    async def run(self, stop: asyncio.Event) -> None:
        """Session after session: whatever ends one, the next one folds anew."""
        await listen(self._connection, (WorkerAlive, ProjectedTo), self._hear)
        chores = [
            asyncio.create_task(self._tell()),
            asyncio.create_task(self._wake_at(stop)),
        ]
        try:
            while not stop.is_set():
                await self._run_session(stop)
        finally:
            await end(*chores)

    async def _run_session(self, stop: asyncio.Event) -> None:
        self._session = Session(
            connection=self._connection,
            blobs=self._blobs,
            workers=self._workers,
            readers=self._readers,
            policy=self._policy,
            clock=event_time,
            faults=self._faults,
            log=self._log,
        )
        pause_s = PAUSE_S
        try:
            await self._session.run(stop)
        except (Conflict, StaleMemory, Unavailable) as reason:
            self._log.warning("session.ended", reason=str(reason), because=type(reason).__name__)
            if isinstance(reason, StorageFull):
                pause_s = LONG_PAUSE_S
        self._session.ready = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await stop.wait()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        if self._session is not None:
            self._session.wake()

    async def _hear(self, announcement: Announcement) -> None:
        if isinstance(announcement, ProjectedTo):
            self._readers.hear(announcement)
            if self._session is not None and self._session.is_held_up:
                self._session.wake()
        elif isinstance(announcement, WorkerAlive) and self._workers.hear(announcement):
            self._log.info(
                "worker.heard",
                worker=announcement.worker,
                kind=announcement.kind,
                capacity=announcement.capacity,
            )
            if self._session is not None:
                self._session.wake()

    async def _tell(self) -> None:
        while True:
            ready = self._session is not None and self._session.ready
            await announce(self._connection, SchedulerAlive(scheduler=self._name, ready=ready))
            await asyncio.sleep(EVERY_S)


def event_time() -> datetime:
    """This moment as events carry it: UTC, in whole milliseconds."""
    now = clock.now()
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
