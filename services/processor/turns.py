"""Turns at a host: when this process's requests start, in step with all other processes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Protocol
from uuid import uuid4

import msgspec

from eventjob.bus.errors import Unavailable
from eventjob.bus.hosts import Entry
from services.processor import politeness
from services.processor.politeness import HostState, Pace

MOST_LINES = 2000
RELEASE_AFTER_S = 0.05  # an end is told with the next start, or after this
RENEW_AFTER_S = politeness.LEASE_S / 3
RECHECK_S = 1.0
AFTER_LOSING_PATIENCE_S = 10.0  # nobody knows when the others will be done

_states = msgspec.json.Decoder(HostState)
_encode = msgspec.json.Encoder().encode
Change = Callable[[HostState, float], HostState | None]


class SharedHosts(Protocol):
    """Where the processes share what they know: `eventjob.bus.hosts.Hosts`."""

    def now(self) -> float:
        """The time on the clock of all."""

    async def read(self, host: str) -> Entry:
        """What is known of a host."""

    async def swap(self, host: str, value: bytes, revision: int) -> int | None:
        """The new revision, or None where somebody was faster."""

    async def changed(self, host: str, within_s: float) -> None:
        """Returns when something is known anew, or after a while."""


class TooLong(Exception):
    """The turn is further away than the caller wants to wait."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"a turn is {wait_s:.0f} s away")
        self.wait = timedelta(seconds=wait_s)


class _Line:
    """One host, as this process sees it."""

    def __init__(self, host: str, per_host: int) -> None:
        self.host = host
        self.lock = asyncio.Lock()
        self.permits = asyncio.Semaphore(per_host)
        self.users = 0
        self.running = 0
        self.waiting = 0  # for requests of other processes to end
        self.not_before = 0.0
        self.is_told = True  # whether the others know ``running`` and ``not_before``
        self.told_at = 0.0
        self.state = HostState()
        self.revision: int | None = None  # of ``state``; None where it must be read


class Turns:
    """Gives turns. `keep` must run beside it."""

    def __init__(self, hosts: SharedHosts) -> None:
        self._hosts = hosts
        self._me = uuid4().hex[:8]
        self._lines: dict[str, _Line] = {}
        self._something_to_tell = asyncio.Event()

    async def enter(self, host: str, pace: Pace, patience: timedelta) -> float:
        """Returns at the moment when a request to ``host`` may start; `leave` must follow.

        Raises:
            TooLong: the turn is more than ``patience`` away; nothing was reserved.
            Unavailable: the bus is away.
        """
        line = self._line(host, pace)
        patient_until = self._hosts.now() + patience.total_seconds()
        line.users += 1
        try:
            await self._reserve(line, pace, patient_until)
            async with self._permit(line, patient_until):
                return await self._start(line, pace, patient_until)
        finally:
            line.users -= 1

    async def leave(self, host: str, silent_for: timedelta | None = None) -> None:
        """The request has ended; the host asks not to be visited for ``silent_for``."""
        line = self._lines[host]
        line.running -= 1
        line.is_told = False
        line.permits.release()
        self._something_to_tell.set()
        if silent_for is not None:
            line.not_before = self._hosts.now() + silent_for.total_seconds()
            with suppress(Unavailable):  # `keep` tells it later, and we know
                await self._tell(line)

    async def keep(self) -> None:
        """Tell the others what they do not know yet, and what still holds; for ever."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_AFTER_S):
                    await self._something_to_tell.wait()
            self._something_to_tell.clear()
            await asyncio.sleep(RELEASE_AFTER_S)
            await self.tell_all()

    async def tell_all(self) -> None:
        """Tell what is not known yet, or long ago; what cannot be told now will be later."""
        oldest = self._hosts.now() - RENEW_AFTER_S
        for line in list(self._lines.values()):
            if not line.is_told or (line.running and line.told_at < oldest):
                with suppress(Unavailable):
                    await self._tell(line)

    async def _reserve(self, line: _Line, pace: Pace, patient_until: float) -> None:
        """Wait until the first free slot; it costs nothing where it is now."""
        at = 0.0

        def reserve(state: HostState, now: float) -> HostState | None:
            nonlocal at
            at = politeness.slot(state, now)
            if at > patient_until:
                raise TooLong(at - now)
            return politeness.reserved(state, at, pace) if at > now else None

        await self._change(line, reserve)
        await self._sleep_until(at)

    @asynccontextmanager
    async def _permit(self, line: _Line, patient_until: float) -> AsyncIterator[None]:
        """One of this process's permits; kept where the block ends well."""
        left_s = patient_until - self._hosts.now()
        try:
            async with asyncio.timeout(left_s):
                await line.permits.acquire()
        except TimeoutError:
            raise TooLong(AFTER_LOSING_PATIENCE_S) from None
        try:
            yield
        except BaseException:  # also when cancelled
            line.permits.release()
            raise

    async def _start(self, line: _Line, pace: Pace, patient_until: float) -> float:
        """The start, decided on what is known when the time has come."""
        waits = False
        start = 0.0

        def begin(state: HostState, now: float) -> HostState | None:
            nonlocal start
            start = max(now, politeness.earliest(state))
            if start > now or not politeness.has_room(state, now, pace, self._me, line.running):
                return None
            return politeness.started(state, now, pace, self._me)

        try:
            while not await self._change(line, begin, starts=True, waited=waits):
                if start > patient_until:
                    raise TooLong(start - self._hosts.now())
                if start > self._hosts.now():
                    await self._sleep_until(start)
                    continue
                line.waiting += not waits
                waits = True
                await self._wait_for_room(line, pace)
                if self._hosts.now() > patient_until:
                    raise TooLong(AFTER_LOSING_PATIENCE_S)
        finally:
            line.waiting -= waits
        return start

    async def _wait_for_room(self, line: _Line, pace: Pace) -> None:
        """Say that we wait, and do so until something has changed."""
        await self._tell(line)
        now = self._hosts.now()
        if not politeness.has_room(line.state, now, pace, self._me, line.running):
            await self._hosts.changed(line.host, RECHECK_S)
            line.revision = None

    async def _tell(self, line: _Line) -> None:
        await self._change(line, lambda state, _: state)

    async def _change(
        self, line: _Line, change: Change, *, starts: bool = False, waited: bool = False
    ) -> bool:
        """Whether ``change`` was made, to the host's newest state; not where it answers None.

        What this process does with the host is told along.
        """
        async with line.lock:
            while True:
                await self._refresh(line)
                now = self._hosts.now()
                changed = change(politeness.silenced(line.state, line.not_before), now)
                if changed is None:
                    return False
                waits = line.waiting > waited
                state = politeness.shared(
                    changed, now, self._me, line.running + starts, waits=waits
                )
                if await self._swapped(line, state):
                    line.running += starts
                    line.is_told, line.told_at = True, now
                    return True

    async def _refresh(self, line: _Line) -> None:
        if line.revision is None:
            entry = await self._hosts.read(line.host)
            line.state, line.revision = _decoded(entry.value), entry.revision

    async def _swapped(self, line: _Line, state: HostState) -> bool:
        """Whether ``state`` follows the one that we knew; else that must be read again."""
        revision, line.revision = line.revision or 0, None  # None as well where this is cancelled
        line.is_told = False
        line.revision = await self._hosts.swap(line.host, _encode(state), revision)
        if line.revision is None:
            return False
        line.state = state
        return True

    async def _sleep_until(self, moment: float) -> None:
        await asyncio.sleep(moment - self._hosts.now())

    def _line(self, host: str, pace: Pace) -> _Line:
        if host not in self._lines and len(self._lines) >= MOST_LINES:
            self._lines = {
                name: line
                for name, line in self._lines.items()
                if line.users or line.running or not line.is_told
            }
        return self._lines.setdefault(host, _Line(host, pace.per_host))


@asynccontextmanager
async def polite_turns(hosts: SharedHosts) -> AsyncIterator[Turns]:
    """Turns that are kept as long as the block runs; all is told at its end."""
    turns = Turns(hosts)
    keeping = asyncio.create_task(turns.keep())
    try:
        yield turns
    finally:
        keeping.cancel()
        await turns.tell_all()


def _decoded(value: bytes) -> HostState:
    """The state, empty where there is none, or one that another version has written."""
    try:
        return _states.decode(value)
    except msgspec.MsgspecError:
        return HostState()
