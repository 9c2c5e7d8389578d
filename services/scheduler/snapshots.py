"""Snapshots of a term's partitions: loaded at its start, stored while it runs."""

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
from services.scheduler.snapshot_codec import PartitionSnapshot, decode, encode, restore_entry

CHECK_EVERY_S = 5.0  # between checks of the log's end while no snapshot is due
MAX_CHANGES = 5_000  # of jobs and groups in a partition before its next snapshot
MAX_EVENTS = 20_000  # of all partitions to read again after a restart


class Snapshots:
    """The snapshots of one term: taken between two rounds, stored while rounds go on."""

    def __init__(
        self, connection: Connection, events: EventLog, partitions: Collection[str], log: Logger
    ) -> None:
        self._objects = Objects(connection)
        self._events = events
        self._log = log
        self._positions = dict.fromkeys(sorted(partitions), -MAX_EVENTS)  # not loaded: due
        self._changes_at = dict.fromkeys(partitions, 0)  # when the last snapshot was taken
        self._origin = ""
        self._storing: asyncio.Task[None] | None = None
        self._next_check = 0.0

    async def load(self, memory: Memory, last: int) -> dict[str, int]:
        """Restore ``memory``; return for each partition the event up to which it is restored.

        Raises:
            Unavailable: NATS does not answer.
        """
        self._origin = await self._events.read_origin()
        parts = await asyncio.gather(*(self._load(token, last) for token in self._positions))
        loaded = {token: part for token, part in zip(self._positions, parts, strict=True) if part}
        memory.restore([restore_entry(group) for part in loaded.values() for group in part.groups])
        self._positions = dict.fromkeys(self._positions, 0)
        self._positions |= {token: part.position for token, part in loaded.items()}
        return dict(self._positions)

    async def store_next(self, memory: Memory) -> None:
        """Take the most needed snapshot, if any is due: some milliseconds for 10,000 jobs."""
        is_storing = self._storing is not None and not self._storing.done()
        if is_storing or time.monotonic() < self._next_check:
            return
        self._origin = self._origin or await self._events.read_origin()
        last = await self._events.last_sequence()
        due = [token for token in self._positions if self._is_due(token, memory, last)]
        if not due:
            self._next_check = time.monotonic() + CHECK_EVERY_S
            return
        token = min(due, key=self._positions.__getitem__)
        # encoded between two rounds: the memory does not change meanwhile
        data = encode(memory.in_partition(int(token)), self._origin, last)
        self._positions[token], self._changes_at[token] = last, memory.changes[token]
        self._storing = asyncio.create_task(self._store(token, data, last))

    async def close(self) -> None:
        """Cancel a store in progress."""
        if self._storing is not None:
            await cancel_and_wait(self._storing)

    def _is_due(self, token: str, memory: Memory, last: int) -> bool:
        changes = memory.changes[token] - self._changes_at[token]
        return changes >= MAX_CHANGES or last - self._positions[token] >= MAX_EVENTS

    async def _load(self, token: str, last: int) -> PartitionSnapshot | None:
        data = await self._objects.get(_object_name(token))
        return None if data is None else decode(data, self._origin, last)

    async def _store(self, token: str, data: bytes, position: int) -> None:
        try:
            await self._objects.put(_object_name(token), data)
        except Unavailable as reason:
            self._log.warning("snapshot.failed", partition=token, reason=str(reason))
            return
        self._log.debug("snapshot.stored", partition=token, bytes=len(data), position=position)


def _object_name(token: str) -> str:
    return f"scheduler-{token}"
