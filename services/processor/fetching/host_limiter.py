"""Turns at a host: when this process's requests start, in step with all other processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import uuid4

from eventjob.bus.errors import Unavailable
from eventjob.runtime.async_tasks import cancel_and_wait
from services.processor.fetching import politeness
from services.processor.fetching.politeness import HostState, Pace
from services.processor.fetching.shared_host import HostBucket, SharedHost

MOST_LINES = 2000
RELEASE_AFTER_S = 0.05  # an end is told with the next start, or after this
RENEW_AFTER_S = politeness.LEASE_S / 3
RECHECK_S = 1.0
LAST_WORDS_S = 1.0
LATE_PART = 0.05  # of the pause, by which a request may go out late without a word
AFTER_LOSING_PATIENCE_S = 10.0  # nobody knows when the others will be done


class TooLong(Exception):
    """The turn is further away than the caller wants to wait."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"a turn is {wait_s:.0f} s away")
        self.wait = timedelta(seconds=wait_s)


class HostLimiter:
    """Gives turns. `keep` must run beside it."""

    def __init__(self, hosts: HostBucket) -> None:
        self._hosts = hosts
        self._me = uuid4().hex[:8]
        self._lines: dict[str, SharedHost] = {}
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
                start = await self._start(line, pace, patient_until)
            line.starts[asyncio.current_task()] = (start, pace.delay_s)
            return start
        finally:
            line.users -= 1

    async def send(self, host: str) -> None:
        """Returns when the request may really go out; the pause counts from then.

        That is at once, unless others have started meanwhile, or the host has asked for silence.
        """
        line, go_at = self._lines[host], self._hosts.now()
        start, delay_s = line.starts.get(asyncio.current_task(), (go_at, 0.0))
        if not delay_s or go_at - start <= delay_s * LATE_PART:
            return

        def go_late(state: HostState, now: float) -> HostState:
            nonlocal go_at
            go_at = politeness.late(state, start, now, delay_s)
            return politeness.paused(state, go_at + delay_s)

        with suppress(Unavailable):  # then it is a little too close to another one
            await line.change(go_late)
        await self._sleep_until(go_at)

    async def leave(self, host: str, silent_for: timedelta | None = None) -> None:
        """The request has ended; the host asks not to be visited for ``silent_for``."""
        line = self._lines[host]
        line.running -= 1
        line.starts.pop(asyncio.current_task(), None)
        line.is_told = False
        line.permits.release()
        self._something_to_tell.set()
        if silent_for is not None:
            line.not_before = self._hosts.now() + silent_for.total_seconds()
            with suppress(Unavailable):  # `keep` tells it later, and we know
                await line.tell()

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
        """Tell what is not known yet, or was told long ago; what cannot be told now waits."""
        oldest = self._hosts.now() - RENEW_AFTER_S
        for line in list(self._lines.values()):
            if not line.is_told or (line.running and line.told_at < oldest):
                with suppress(Unavailable):
                    await line.tell()

    async def _reserve(self, line: SharedHost, pace: Pace, patient_until: float) -> None:
        """Wait until the first free slot; it costs nothing where it is now."""
        at = 0.0

        def reserve(state: HostState, now: float) -> HostState | None:
            nonlocal at
            at = politeness.slot(state, now)
            if at > patient_until:
                raise TooLong(at - now)
            return politeness.reserved(state, at, pace) if at > now else None

        await line.change(reserve)
        await self._sleep_until(at)

    @asynccontextmanager
    async def _permit(self, line: SharedHost, patient_until: float) -> AsyncIterator[None]:
        """One of this process's permits; kept where the block ends well."""
        try:
            async with asyncio.timeout(patient_until - self._hosts.now()):
                await line.permits.acquire()
        except TimeoutError:
            raise TooLong(AFTER_LOSING_PATIENCE_S) from None
        try:
            yield
        except BaseException:  # also when cancelled
            line.permits.release()
            raise

    async def _start(self, line: SharedHost, pace: Pace, patient_until: float) -> float:
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
            while not await line.change(begin, starts=True, waited=waits):
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

    async def _wait_for_room(self, line: SharedHost, pace: Pace) -> None:
        """Say that we wait, and do so until something has changed."""
        await line.tell()
        now = self._hosts.now()
        if not politeness.has_room(line.state, now, pace, self._me, line.running):
            await line.news(RECHECK_S)

    async def _sleep_until(self, moment: float) -> None:
        await asyncio.sleep(moment - self._hosts.now())

    def _line(self, host: str, pace: Pace) -> SharedHost:
        if host not in self._lines:
            if len(self._lines) >= MOST_LINES:
                self._lines = {n: line for n, line in self._lines.items() if not line.is_idle}
            self._lines[host] = SharedHost(self._hosts, host, me=self._me, per_host=pace.per_host)
        return self._lines[host]


@asynccontextmanager
async def polite_turns(hosts: HostBucket) -> AsyncIterator[HostLimiter]:
    """Turns that are kept as long as the block runs; all is told at its end."""
    turns = HostLimiter(hosts)
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(turns.keep())
        try:
            yield turns
        finally:
            await cancel_and_wait(keeping)
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS_S):
                    await turns.tell_all()
