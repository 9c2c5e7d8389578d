"""How far the projection is, and who is alive: heard on the bus, asked by the api."""

import asyncio
import time
from datetime import timedelta

from eventjob.bus.announcements import BELIEVED_FOR_S, listen
from eventjob.bus.connection import Connection
from eventjob.contracts.announcements import Announcement, ProjectedTo, SchedulerAlive


class Watch:
    """What was heard of scheduler and projector."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sequence = 0
        self._fault: str | None = None
        self._projector_at = 0.0
        self._scheduler_at = 0.0
        self._scheduler_ready = False
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    async def open(self) -> None:
        """Begin to listen."""
        await listen(self._connection, (SchedulerAlive, ProjectedTo), self._hear)

    async def reached(self, sequence: int, within: timedelta) -> bool:
        """Whether the projection reflects ``sequence``, waiting for it as long as ``within``."""
        if self._sequence >= sequence:
            return True
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (sequence, waiter)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(within.total_seconds()):
                await waiter
        except TimeoutError:
            return False
        finally:
            self._waiting.remove(entry)
        return True

    def troubles(self) -> list[str]:
        """What is not as it should be: bus, scheduler or projector; empty when all is well."""
        oldest = time.monotonic() - BELIEVED_FOR_S
        found = []
        if not self._connection.is_connected:
            found.append("not connected to NATS")
        if self._scheduler_at < oldest:
            found.append("nothing is heard of the scheduler")
        elif not self._scheduler_ready:
            found.append("the scheduler is catching up")
        if self._projector_at < oldest:
            found.append("nothing is heard of the projector")
        elif self._fault is not None:
            found.append(f"the projection has stopped: {self._fault}")
        return found

    async def _hear(self, announcement: Announcement) -> None:
        match announcement:
            case ProjectedTo():
                self._projector_at = time.monotonic()
                self._sequence = announcement.sequence
                self._fault = announcement.stopped
                for sequence, waiter in self._waiting:
                    if announcement.sequence >= sequence and not waiter.done():
                        waiter.set_result(None)
            case SchedulerAlive():
                self._scheduler_at = time.monotonic()
                self._scheduler_ready = announcement.ready
            case _:
                return
