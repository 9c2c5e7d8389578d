"""Watch the projection's position and the services' liveness, for the api."""

import asyncio
import time
from datetime import timedelta

from eventjob.bus.roles.announcements import BELIEVED_FOR_S, listen
from eventjob.bus.roles.parking import count_parked
from eventjob.bus.subjects import ALL_PARTITIONS
from eventjob.bus.wire.connection import Connection
from eventjob.contracts.announcements import Announcement, ProjectedTo, SchedulerAlive


class Watch:
    """The latest announcements of schedulers and projector."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sequence = 0
        self._fault: str | None = None
        self._projector_at = 0.0
        self._schedulers: dict[str, tuple[float, SchedulerAlive]] = {}
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    async def open(self) -> None:
        """Start to listen."""
        await listen(self._connection, (SchedulerAlive, ProjectedTo), self._hear)

    async def wait_until_reached(self, sequence: int, within: timedelta) -> bool:
        """Wait until the projection reflects ``sequence``; return False after ``within``."""
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

    def find_troubles(self) -> list[str]:
        """Describe what is wrong with bus, scheduler or projector; [] if all is well."""
        oldest = time.monotonic() - BELIEVED_FOR_S
        found = []
        if not self._connection.is_connected:
            found.append("not connected to NATS")
        found += self._of_schedulers(oldest)
        if self._projector_at < oldest:
            found.append("the projector has stopped reporting")
        elif self._fault is not None:
            found.append(f"the projection has stopped: {self._fault}")
        return found

    async def count_parked(self) -> int:
        """Return the number of parked messages; see `count_parked`."""
        return await count_parked(self._connection)

    def _of_schedulers(self, oldest: float) -> list[str]:
        self._schedulers = {n: heard for n, heard in self._schedulers.items() if heard[0] > oldest}
        said = [announcement for _, announcement in self._schedulers.values()]
        if not said:
            return ["the scheduler is silent"]
        ready = [alive for alive in said if alive.ready]
        if not ready:
            return ["the scheduler is catching up"]
        owned = {
            token
            for alive in ready
            for token in (ALL_PARTITIONS if alive.partitions is None else alive.partitions)
        }
        missing = [token for token in ALL_PARTITIONS if token not in owned]
        return [f"no scheduler is ready for partitions {', '.join(missing)}"] if missing else []

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
                self._schedulers[announcement.scheduler] = (time.monotonic(), announcement)
            case _:
                return
