"""The line at one host: what all processes know of it, and what this one does there."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from eventjob.bus.buckets.hosts import Entry
from eventjob.contracts.base import UNREADABLE
from services.processor.fetching import politeness
from services.processor.fetching.politeness import HostState

Change = Callable[[HostState, float], HostState | None]

_states = msgspec.json.Decoder(HostState)
_encode = msgspec.json.Encoder().encode


class HostBucket(Protocol):
    """Where the processes share what they know: `eventjob.bus.buckets.hosts.Hosts`."""

    def now(self) -> float:
        """The time on the clock of all."""

    async def read(self, host: str) -> Entry:
        """What is known of a host."""

    async def compare_and_set(self, host: str, value: bytes, revision: int) -> int | None:
        """The new revision, or None where somebody was faster."""

    async def wait_for_change(self, host: str, within_s: float) -> None:
        """Returns when something is known anew, or after a while."""


class SharedHost:
    """One host. Its shared state is kept here, and only read again where it proves outdated."""

    def __init__(self, hosts: HostBucket, host: str, *, me: str, per_host: int) -> None:
        self.permits = asyncio.Semaphore(per_host)  # of this process alone
        self.users = 0  # who wait, or are about to
        self.running = 0
        self.waiting = 0  # for requests of other processes to end
        self.starts: dict[asyncio.Task[Any] | None, tuple[float, float]] = {}  # and pauses
        self.not_before = 0.0  # what the host has told us
        self.is_told = True  # whether the others know all that
        self.told_at = 0.0
        self.state = HostState()
        self._revision: int | None = None  # of ``state``; None where it must be read
        self._hosts = hosts
        self._host = host
        self._me = me
        self._lock = asyncio.Lock()

    @property
    def is_idle(self) -> bool:
        """Whether nobody would miss it."""
        return self.is_told and not self.users and not self.running

    async def change(self, change: Change, *, starts: bool = False, waited: bool = False) -> bool:
        """Whether ``change`` was made, to the newest state; not where it answers None.

        What this process does with the host is told along.

        Args:
            change: from a state and the time to a new state; may be asked several times.
            starts: a request starts with it.
            waited: and it was one of those that waited.

        Raises:
            Unavailable: nobody knows whether it was made.
        """
        async with self._lock:
            while True:
                await self._refresh()
                now, heard = self._hosts.now(), self.not_before
                changed = change(politeness.silenced(self.state, heard), now)
                if changed is None:
                    return False
                running, waits = self.running + starts, self.waiting > waited
                state = politeness.shared(changed, now, self._me, running, waits=waits)
                if await self._swapped(state):
                    self.running += starts
                    # others may have left meanwhile
                    self.is_told = (self.running, self.not_before) == (running, heard)
                    self.told_at = now
                    return True

    async def tell(self) -> None:
        """Tell the others what this process does with the host."""
        await self.change(lambda state, _: state)

    async def news(self, within_s: float) -> None:
        """Returns when another state is there, or after a while; the state is read again then."""
        await self._hosts.wait_for_change(self._host, within_s)
        self._revision = None

    async def _refresh(self) -> None:
        if self._revision is None:
            entry = await self._hosts.read(self._host)
            self.state, self._revision = _decoded(entry.value), entry.revision

    async def _swapped(self, state: HostState) -> bool:
        """Whether ``state`` follows the one that we know; else, or cancelled, we know none."""
        revision, self._revision, self.is_told = self._revision or 0, None, False
        self._revision = await self._hosts.compare_and_set(self._host, _encode(state), revision)
        if self._revision is None:
            return False
        self.state = state
        return True


def _decoded(value: bytes) -> HostState:
    """The state, empty where there is none, or one that another version has written."""
    try:
        return _states.decode(value)
    except UNREADABLE:
        return HostState()
