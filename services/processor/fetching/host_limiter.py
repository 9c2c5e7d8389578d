"""Rate limit per host, shared by all processors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import uuid4

from eventjob.bus.errors import Unavailable
from eventjob.runtime.async_tasks import cancel_and_wait
from services.processor.fetching import host_slots
from services.processor.fetching.host_slots import HostState, Pace
from services.processor.fetching.shared_host import HostBucket, SharedHost

MAX_HOSTS = 2000  # in memory; idle ones are dropped beyond it
PUBLISH_AFTER_S = 0.05  # an end travels with the next start, or after this time
RENEW_AFTER_S = host_slots.LEASE_S / 3  # so that two renewals may fail
RECHECK_S = 1.0  # a dead process's share expires without any news
FINAL_PUBLISH_S = 1.0  # a shutdown must not wait for the bus
LATE_SHARE = 0.05  # of the pause; smaller delays are not published
RETRY_BUSY_S = 10.0  # when the others will be done is unknown


class WaitTooLong(Exception):
    """The next free slot is further away than the caller wants to wait."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"the next free slot is {wait_s:.0f} s away")
        self.wait = timedelta(seconds=wait_s)


class HostLimiter:
    """Hands out request slots; `publish_forever` must run beside it."""

    def __init__(self, bucket: HostBucket) -> None:
        self._bucket = bucket
        self._me = uuid4().hex[:8]
        self._hosts: dict[str, SharedHost] = {}
        self._has_changes = asyncio.Event()

    async def acquire(self, host: str, pace: Pace, max_wait: timedelta) -> float:
        """Wait until a request to ``host`` may start; `release` must follow.

        Raises:
            WaitTooLong: the slot is more than ``max_wait`` away; it was not reserved.
            Unavailable: the bus is away.
        """
        shared = self._get_shared(host, pace)
        deadline = self._bucket.now() + max_wait.total_seconds()
        shared.users += 1
        try:
            await self._reserve(shared, pace, deadline)
            async with self._permit(shared, deadline):
                start = await self._start(shared, pace, deadline)
            shared.starts[asyncio.current_task()] = (start, pace.delay_s)
            return start
        finally:
            shared.users -= 1

    async def start_sending(self, host: str) -> None:
        """Wait until the request may really go out; the pause counts from then.

        Returns at once unless others have started meanwhile, or the host has asked for a pause.
        """
        shared, go_at = self._hosts[host], self._bucket.now()
        start, delay_s = shared.starts.get(asyncio.current_task(), (go_at, 0.0))
        if not delay_s or go_at - start <= delay_s * LATE_SHARE:
            return

        def go_late(state: HostState, now: float) -> HostState:
            nonlocal go_at
            go_at = host_slots.late_start(state, start, now, delay_s)
            return host_slots.postpone_starts(state, go_at + delay_s)

        with suppress(Unavailable):  # one slightly early request is harmless
            await shared.update(go_late)
        await self._sleep_until(go_at)

    async def release(self, host: str, pause: timedelta | None = None) -> None:
        """End the request; the host may have asked for a ``pause``."""
        shared = self._hosts[host]
        shared.running -= 1
        shared.starts.pop(asyncio.current_task(), None)
        shared.is_published = False
        shared.permits.release()
        self._has_changes.set()
        if pause is not None:
            shared.not_before = self._bucket.now() + pause.total_seconds()
            with suppress(Unavailable):  # `publish_forever` repeats it, and this process knows
                await shared.publish()

    async def publish_forever(self) -> None:
        """Publish changes and renew leases until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_AFTER_S):
                    await self._has_changes.wait()
            self._has_changes.clear()
            await asyncio.sleep(PUBLISH_AFTER_S)  # several ends share one write
            await self.publish_all()

    async def publish_all(self) -> None:
        """Publish what is unpublished or due for renewal; failures stay for the next time."""
        oldest = self._bucket.now() - RENEW_AFTER_S
        for shared in list(self._hosts.values()):
            if not shared.is_published or (shared.running and shared.published_at < oldest):
                with suppress(Unavailable):
                    await shared.publish()

    async def _reserve(self, shared: SharedHost, pace: Pace, deadline: float) -> None:
        """Wait for the first free slot, and reserve it unless it is now."""
        slot = 0.0

        def reserve(state: HostState, now: float) -> HostState | None:
            nonlocal slot
            slot = host_slots.first_free_slot(state, now)
            if slot > deadline:
                raise WaitTooLong(slot - now)
            return host_slots.reserve_slot(state, slot, pace) if slot > now else None

        await shared.update(reserve)
        await self._sleep_until(slot)

    @asynccontextmanager
    async def _permit(self, shared: SharedHost, deadline: float) -> AsyncIterator[None]:
        """Hold one of this process's permits; it is released only if the block fails."""
        try:
            async with asyncio.timeout(deadline - self._bucket.now()):
                await shared.permits.acquire()
        except TimeoutError:
            raise WaitTooLong(RETRY_BUSY_S) from None
        try:
            yield
        except BaseException:  # also when cancelled
            shared.permits.release()
            raise

    async def _start(self, shared: SharedHost, pace: Pace, deadline: float) -> float:
        """Start the request, decided on the state at that moment."""
        is_waiting = False
        start = 0.0

        def begin(state: HostState, now: float) -> HostState | None:
            nonlocal start
            start = max(now, host_slots.earliest_start(state))  # a pause may have come meanwhile
            if start > now or not host_slots.has_room(state, now, pace, self._me, shared.running):
                return None
            return host_slots.record_start(state, now, pace, self._me)

        try:
            while not await shared.update(begin, starts=True, waited=is_waiting):
                if start > deadline:
                    raise WaitTooLong(start - self._bucket.now())
                if start > self._bucket.now():
                    await self._sleep_until(start)
                    continue
                shared.waiting += not is_waiting
                is_waiting = True
                await self._wait_for_room(shared, pace)
                if self._bucket.now() > deadline:
                    raise WaitTooLong(RETRY_BUSY_S)
        finally:
            shared.waiting -= is_waiting
        return start

    async def _wait_for_room(self, shared: SharedHost, pace: Pace) -> None:
        """Publish that this process waits, and wait for a change."""
        await shared.publish()
        now = self._bucket.now()
        if not host_slots.has_room(shared.state, now, pace, self._me, shared.running):
            await shared.wait_for_change(RECHECK_S)

    async def _sleep_until(self, moment: float) -> None:
        await asyncio.sleep(moment - self._bucket.now())

    def _get_shared(self, host: str, pace: Pace) -> SharedHost:
        if host not in self._hosts:
            if len(self._hosts) >= MAX_HOSTS:
                self._hosts = {name: one for name, one in self._hosts.items() if not one.is_idle}
            self._hosts[host] = SharedHost(self._bucket, host, me=self._me, per_host=pace.per_host)
        return self._hosts[host]


@asynccontextmanager
async def open_limiter(bucket: HostBucket) -> AsyncIterator[HostLimiter]:
    """Run a limiter inside the block, and publish its state at the end."""
    limiter = HostLimiter(bucket)
    async with asyncio.TaskGroup() as tasks:
        publishing = tasks.create_task(limiter.publish_forever())
        try:
            yield limiter
        finally:
            await cancel_and_wait(publishing)
            with suppress(TimeoutError):
                async with asyncio.timeout(FINAL_PUBLISH_S):
                    await limiter.publish_all()
