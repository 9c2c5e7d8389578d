"""The snapshots of a session's partitions: what it begins with, and what it leaves for the next."""

import asyncio
import time
from collections.abc import Collection

from eventjob.bus.buckets.objects import Objects
from eventjob.bus.errors import Unavailable
from eventjob.bus.log.log import EventLog
from eventjob.bus.wire.connection import Connection
from eventjob.runtime.async_tasks import cancel_and_wait
from eventjob.runtime.logs import Logger
from services.scheduler.memory import Memory
from services.scheduler.snapshot_codec import PartitionSnapshot, decode, encode, restored

LOOK_EVERY_S = 5.0  # how far the log has come
MOST_MOVES = 5_000  # of jobs and groups in a partition, to be folded again
MOST_EVENTS = 20_000  # of all partitions, to be read again


class Snapshots:
    """One of a session. A snapshot is taken between two rounds, and stored beside them."""

    def __init__(
        self, connection: Connection, events: EventLog, partitions: Collection[str], log: Logger
    ) -> None:
        self._objects = Objects(connection)
        self._events = events
        self._log = log
        self._positions = dict.fromkeys(sorted(partitions), -MOST_EVENTS)  # not loaded: due
        self._moves = dict.fromkeys(partitions, 0)  # when the last snapshot was taken
        self._origin = ""
        self._storing: asyncio.Task[None] | None = None
        self._looks_at = 0.0

    async def load(self, memory: Memory, last: int) -> dict[str, int]:
        """Begin ``memory`` with what was stored; by partition, the event up to which that was.

        Raises:
            Unavailable: NATS is away.
        """
        self._origin = await self._events.read_origin()
        parts = await asyncio.gather(*(self._part(token, last) for token in self._positions))
        found = {token: part for token, part in zip(self._positions, parts, strict=True) if part}
        memory.restore([restored(kept) for part in found.values() for kept in part.groups])
        self._positions = dict.fromkeys(self._positions, 0)
        self._positions |= {token: part.position for token, part in found.items()}
        return dict(self._positions)

    async def go_on(self, memory: Memory) -> None:
        """Take the snapshot that is needed most, if any: a few milliseconds for 10,000 jobs.

        Raises:
            Unavailable: NATS is away.
        """
        is_storing = self._storing is not None and not self._storing.done()
        if is_storing or time.monotonic() < self._looks_at:
            return
        self._origin = self._origin or await self._events.read_origin()
        last = await self._events.last_sequence()
        due = [token for token in self._positions if self._is_due(token, memory, last)]
        if not due:
            self._looks_at = time.monotonic() + LOOK_EVERY_S
            return
        token = min(due, key=self._positions.__getitem__)
        data = encode(memory.in_partition(int(token)), self._origin, last)
        self._positions[token], self._moves[token] = last, memory.moves[token]
        self._storing = asyncio.create_task(self._store(token, data, last))

    async def end(self) -> None:
        """Store nothing more."""
        if self._storing is not None:
            await cancel_and_wait(self._storing)

    def _is_due(self, token: str, memory: Memory, last: int) -> bool:
        moves = memory.moves[token] - self._moves[token]
        return moves >= MOST_MOVES or last - self._positions[token] >= MOST_EVENTS

    async def _part(self, token: str, last: int) -> PartitionSnapshot | None:
        data = await self._objects.get(_name(token))
        return None if data is None else decode(data, self._origin, last)

    async def _store(self, token: str, data: bytes, position: int) -> None:
        try:
            await self._objects.put(_name(token), data)
        except Unavailable as reason:
            self._log.warning("snapshot.failed", partition=token, reason=str(reason))
            return
        self._log.debug("snapshot.stored", partition=token, bytes=len(data), position=position)


def _name(token: str) -> str:
    return f"scheduler-{token}"
