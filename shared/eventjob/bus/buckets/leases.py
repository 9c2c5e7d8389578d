"""Leases: which process of a role owns which of its parts, in a key-value bucket.

Each part's key names its owner; each member renews a key of its own. An observer judges by its own
clock, from when it last saw that key change: clocks are never compared. Every change is a
compare-and-set, so two members never own one part. Only an owner that was frozen may believe it;
the guards of its work (expected sequences) catch that.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import uuid4

import nats.errors
from nats.aio.msg import Msg
from nats.js.api import StorageType, StreamConfig
from nats.js.errors import APIError

from eventjob.bus.buckets.lease_takeover import LeaseKey, LeaseView, plan_leases
from eventjob.bus.errors import Unavailable
from eventjob.bus.log.log import WRONG_SEQUENCE
from eventjob.bus.streams.ensure import ensure_stream
from eventjob.bus.wire.connection import Connection
from eventjob.bus.wire.direct import is_forged, read_newest
from eventjob.bus.wire.publish import Outgoing, Rejected, publish
from eventjob.runtime.logs import Logger

BUCKET = "leases"
STREAM = f"KV_{BUCKET}"
_PREFIX = f"$KV.{BUCKET}."
CHECK_EVERY_S = 0.5
RENEW_EVERY_S = 1.0
OWN_FOR_S = 2.5  # an owner that could not renew stops after this, before others take over
ANSWER_WITHIN_S = 1.0
MAX_AGE_S = timedelta(hours=1).total_seconds()  # drops keys of instances that never return

CONFIG = StreamConfig(
    name=STREAM,
    subjects=[f"$KV.{BUCKET}.>"],
    storage=StorageType.FILE,
    max_msgs_per_subject=1,
    duplicate_window=1.0,
    allow_direct=True,
    allow_rollup_hdrs=True,
    allow_msg_ttl=True,
    deny_delete=True,
)


class Displaced(Exception):
    """Another process uses this one's name."""


class Leases:
    """The parts of a role that this process owns, and those that it releases to others.

    Args:
        connection: to the bus.
        role: scheduler or projector.
        instance: this process's name, the same after a restart.
        parts: all parts of the role, as tokens.
        log: gets every change.
    """

    def __init__(
        self, connection: Connection, *, role: str, instance: str, parts: Sequence[str], log: Logger
    ) -> None:
        self._connection = connection
        self._role = role
        self._instance = instance
        self._parts = parts
        self._log = log
        self._incarnation = uuid4().hex  # tells this process from another of the same name
        self._view = LeaseView()
        self._held: frozenset[str] = frozenset()
        self._renewed_at = -OWN_FOR_S
        self._trouble = ""
        self._has_joined = self._is_open = False
        self._changed = asyncio.Event()

    @property
    def held(self) -> frozenset[str]:
        """Parts to work on now; empty if others may believe this process dead."""
        return self._held if self.is_sure else frozenset()

    @property
    def is_sure(self) -> bool:
        """True until another process may have taken over."""
        return time.monotonic() - self._renewed_at < OWN_FOR_S

    async def maintain(self, stop: asyncio.Event) -> None:
        """Renew, claim and release until ``stop`` is set.

        Raises:
            Displaced: another process uses this one's name.
        """
        while not stop.is_set():
            try:
                await self._ensure_bucket()
                await self._refresh()
                self._trouble = ""
            except Unavailable as reason:
                self._log_once(str(reason))
            # The owner of all parts has no other to take over from: half as many looks when idle.
            # After a fault it tries again soon, or its lease would expire with one slow answer.
            is_alone = not self._trouble and len(self._held) == len(self._parts)
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_EVERY_S if is_alone else CHECK_EVERY_S):
                    await stop.wait()

    async def wait_for_change(self, within_s: float) -> None:
        """Return when the held parts change, or after ``within_s``."""
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._changed.wait()

    async def release_surplus(self) -> None:
        """Free parts that are owned but given up; call it when their work has ended."""
        surplus = self._view.parts_of(self._instance) - self._held
        await asyncio.gather(*(self._put("owner", part, "") for part in surplus))

    async def leave(self) -> None:
        """Free everything at once for others; if the bus is away, the leases expire."""
        self._held = frozenset()
        with suppress(Unavailable):
            await self.release_surplus()
            await self._put("member", self._instance, "")

    def _log_once(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._log.warning("leases.wait", role=self._role, reason=trouble)

    async def _refresh(self) -> None:
        now = time.monotonic()
        self._view.update(await self._read_keys(), now)
        if now - self._renewed_at >= RENEW_EVERY_S - CHECK_EVERY_S / 2:
            await self._renew(now)
        plan = plan_leases(
            self._instance, self._parts, self._view.live_members(now), self._view.owners
        )
        await asyncio.gather(*(self._put("owner", part, self._instance) for part in plan.claim))
        self._set_held(self._view.parts_of(self._instance) - frozenset(plan.release))

    async def _read_keys(self) -> list[LeaseKey]:
        patterns = [f"{_PREFIX}{kind}.{self._role}.*" for kind in ("member", "owner")]
        async with _answer_timeout():
            return [
                _key(message) for message in await read_newest(self._connection, STREAM, patterns)
            ]

    async def _renew(self, now: float) -> None:
        known = self._view.incarnation(self._instance)
        if self._has_joined and known not in {"", self._incarnation}:
            self._set_held(frozenset())
            raise Displaced(f"another {self._role} uses the name {self._instance}")
        was_lost = self._has_joined and not self.is_sure
        if await self._put("member", self._instance, self._incarnation):
            if was_lost:  # the bus was away, so others could not renew either
                self._view.trust_all(now)
            self._renewed_at = now
            self._has_joined = True

    async def _put(self, kind: str, name: str, value: str) -> bool:
        """Write a key; return False if another process has changed it meanwhile."""
        revision = self._view.revision(kind, name)
        headers = {"Nats-Expected-Last-Subject-Sequence": f"{revision}"}
        if kind == "member":
            headers["Nats-TTL"] = f"{MAX_AGE_S:.0f}"
        message = Outgoing(f"{_PREFIX}{kind}.{self._role}.{name}", value.encode(), headers)
        try:
            async with _answer_timeout():
                revision = await publish(self._connection, [message])
        except Rejected as error:
            if error.code in WRONG_SEQUENCE:
                return False
            raise Unavailable(f"bucket {BUCKET}: {error}") from error
        self._view.record(LeaseKey(kind, name, value, revision))
        return True

    def _set_held(self, parts: frozenset[str]) -> None:
        if parts != self._held:
            self._log.info("leases.changed", role=self._role, parts=sorted(parts))
            self._held = parts
            self._changed.set()

    async def _ensure_bucket(self) -> None:
        if self._is_open:
            return
        try:
            await ensure_stream(self._connection, CONFIG)
        except (APIError, TimeoutError, nats.errors.Error) as error:
            raise Unavailable(f"cannot create bucket {BUCKET}: {error!r}") from error
        self._is_open = True


def _key(message: Msg) -> LeaseKey:
    headers = message.headers or {}
    kind, _, name = headers["Nats-Subject"].removeprefix(_PREFIX).split(".")
    value = "" if is_forged(message) else message.data.decode(errors="replace")
    return LeaseKey(kind, name, value, int(headers["Nats-Sequence"]))


@asynccontextmanager
async def _answer_timeout() -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            yield
    except TimeoutError as error:
        raise Unavailable(f"bucket {BUCKET} does not answer") from error
