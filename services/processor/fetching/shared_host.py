"""State of one host, shared over processes by compare-and-set."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from eventjob.bus.buckets.hosts import Entry
from eventjob.contracts.base import UNREADABLE
from services.processor.fetching import host_slots
from services.processor.fetching.host_slots import HostState

Update = Callable[[HostState, float], HostState | None]

_states = msgspec.json.Decoder(HostState)
_encode = msgspec.json.Encoder().encode


class HostBucket(Protocol):
    """The key-value store: `eventjob.bus.buckets.hosts.Hosts`."""

    def now(self) -> float:
        """Return the time on the bus's clock."""

    async def read(self, host: str) -> Entry:
        """Return a host's entry."""

    async def compare_and_set(self, host: str, value: bytes, revision: int) -> int | None:
        """Write if ``revision`` is current, and return the new one; `None` means a conflict."""

    async def wait_for_change(self, host: str, within_s: float) -> None:
        """Wait for a change of the host's entry, or for ``within_s``."""


class SharedHost:
    """One host. Its state is cached, and read again only after a conflict."""

    def __init__(self, hosts: HostBucket, host: str, *, me: str, per_host: int) -> None:
        self.permits = asyncio.Semaphore(per_host)  # of this process alone
        self.users = 0  # callers that wait or are about to
        self.running = 0
        self.waiting = 0  # for requests of other processes to end
        self.starts: dict[asyncio.Task[Any] | None, tuple[float, float]] = {}  # and pauses
        self.not_before = 0.0  # asked by the host
        self.is_published = True  # the others know the values above
        self.published_at = 0.0
        self.state = HostState()
        self._revision: int | None = None  # of ``state``; None where it must be read
        self._hosts = hosts
        self._host = host
        self._me = me
        self._lock = asyncio.Lock()

    @property
    def is_idle(self) -> bool:
        """True if the host can be dropped from memory."""
        return self.is_published and not self.users and not self.running

    async def update(self, compute: Update, *, starts: bool = False, waited: bool = False) -> bool:
        """Apply ``compute`` to the newest state, with this process's share; false if it gives None.

        Args:
            compute: from state and time to a new state; called again after a conflict.
            starts: a request starts with it.
            waited: that request was waiting.

        Raises:
            Unavailable: the outcome is unknown.
        """
        async with self._lock:  # this process's own requests would only conflict
            while True:
                await self._refresh()
                now, not_before = self._hosts.now(), self.not_before
                new_state = compute(host_slots.apply_pause(self.state, not_before), now)
                if new_state is None:
                    return False
                running, waits = self.running + starts, self.waiting > waited
                state = host_slots.set_share(new_state, now, self._me, running, waits=waits)
                if await self._swap(state):  # else another process was faster: compute anew
                    self.running += starts
                    # others may have left meanwhile
                    self.is_published = (self.running, self.not_before) == (running, not_before)
                    self.published_at = now
                    return True

    async def publish(self) -> None:
        """Publish what this process does with the host."""
        await self.update(lambda state, _: state)

    async def wait_for_change(self, within_s: float) -> None:
        """Wait for a new state, or for ``within_s``; the state is read again after it."""
        await self._hosts.wait_for_change(self._host, within_s)
        self._revision = None

    async def _refresh(self) -> None:
        if self._revision is None:
            entry = await self._hosts.read(self._host)
            self.state, self._revision = _decode(entry.value), entry.revision

    async def _swap(self, state: HostState) -> bool:
        """Write ``state``; on a conflict, error or cancellation the cached revision is dropped."""
        revision, self._revision, self.is_published = self._revision or 0, None, False
        self._revision = await self._hosts.compare_and_set(self._host, _encode(state), revision)
        if self._revision is None:
            return False
        self.state = state
        return True


def _decode(value: bytes) -> HostState:
    """Decode the state; another version's state counts as empty."""
    try:
        return _states.decode(value)
    except UNREADABLE:
        return HostState()
