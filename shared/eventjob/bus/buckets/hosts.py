"""State of web hosts, shared by all processors: one key each, changed by compare-and-set.

The bucket is in memory: after a server restart, the first user creates it again, empty.
"""

import base64
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec
import nats.errors
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import (
    APIError,
    KeyNotFoundError,
    KeyWrongLastSequenceError,
    NoStreamResponseError,
    NotFoundError,
)
from nats.js.kv import KeyValue

from eventjob.bus.errors import Unavailable
from eventjob.bus.streams.ensure import ensure_stream
from eventjob.bus.wire.connection import ANSWER_WITHIN_S, Connection
from eventjob.contracts.base import UNREADABLE

BUCKET = "hosts"
CLOCK_VALID_S = timedelta(minutes=10).total_seconds()  # then measured again, as clocks drift
MAX_AGE_S = timedelta(hours=2).total_seconds()  # longer than any wait that a host can ask for

CONFIG = StreamConfig(
    name=f"KV_{BUCKET}",
    subjects=[f"$KV.{BUCKET}.>"],
    storage=StorageType.MEMORY,
    discard=DiscardPolicy.NEW,
    max_age=MAX_AGE_S,
    max_msgs_per_subject=1,
    duplicate_window=timedelta(minutes=2).total_seconds(),
    allow_direct=True,
    allow_msg_ttl=True,
    allow_rollup_hdrs=True,
    deny_delete=True,
)

_PLAIN = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


class Entry(msgspec.Struct, frozen=True):
    """A host's state; revision 0 stands for an unknown host."""

    value: bytes
    revision: int


class _ServerInfo(msgspec.Struct):
    ts: datetime


class Hosts:
    """The bucket. Every method raises `Unavailable` if NATS is away."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._bucket: KeyValue | None = None
        self._clock_ahead_s = self._clock_set_at = 0.0

    async def open(self) -> None:
        """Create the bucket if it is missing, and set the clock."""
        with _translate_errors():
            await ensure_stream(self._connection, CONFIG)
            self._bucket = await self._connection.jetstream.key_value(BUCKET)
            await self._set_clock()

    def now(self) -> float:
        """Return the server's time in seconds since 1970, the same in all processes to 1 ms."""
        return time.monotonic() + self._clock_ahead_s

    async def read(self, host: str) -> Entry:
        """Return the state of ``host``."""
        bucket = await self._opened()
        with _translate_errors():
            try:
                entry = await bucket.get(_key(host))
            except KeyNotFoundError:
                return Entry(b"", 0)
            except (nats.errors.NoRespondersError, NotFoundError):
                self._bucket = None  # the server restarted: create the bucket again
                return Entry(b"", 0)
        return Entry(entry.value or b"", entry.revision or 0)

    async def compare_and_set(self, host: str, value: bytes, revision: int) -> int | None:
        """Store ``value`` if ``revision`` is still the last; return the new revision."""
        bucket = await self._opened()
        with _translate_errors():
            try:
                return await bucket.update(_key(host), value, last=revision)
            except KeyWrongLastSequenceError:
                return None
            except NoStreamResponseError:
                self._bucket = None
                return None

    async def wait_for_change(self, host: str, within_s: float) -> None:
        """Return when ``host``'s key changes, or after ``within_s``."""
        with _translate_errors():
            subject = f"$KV.{BUCKET}.{_key(host)}"
            subscription = await self._connection.client.subscribe(subject)
            try:
                await subscription.next_msg(timeout=within_s)
            except nats.errors.TimeoutError:
                return
            finally:
                await subscription.unsubscribe()

    async def _opened(self) -> KeyValue:
        if self._bucket is None or time.monotonic() > self._clock_set_at + CLOCK_VALID_S:
            await self.open()
        if self._bucket is None:
            raise Unavailable(f"the bucket {BUCKET} cannot be opened")
        return self._bucket

    async def _set_clock(self) -> None:
        """Measure how far the server's clock is ahead; the error is at most half a round trip."""
        asked = time.monotonic()
        answer = await self._connection.client.request(
            f"$JS.API.STREAM.INFO.KV_{BUCKET}", timeout=ANSWER_WITHIN_S
        )
        middle = (asked + time.monotonic()) / 2
        info = msgspec.json.decode(answer.data, type=_ServerInfo)
        self._clock_ahead_s = info.ts.timestamp() - middle
        self._clock_set_at = middle


async def open_hosts(connection: Connection) -> Hosts:
    """Open the bucket.

    Raises:
        Unavailable: NATS is away.
    """
    hosts = Hosts(connection)
    await hosts.open()
    return hosts


def _key(host: str) -> str:
    """Return a valid key: the host's name, or its base64 if it has other characters."""
    if _PLAIN.fullmatch(host):
        return f"h.{host}"
    return "x." + base64.urlsafe_b64encode(host.encode()).decode().rstrip("=")


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except (TimeoutError, APIError, nats.errors.Error, OSError, *UNREADABLE) as error:
        raise Unavailable(f"bucket {BUCKET}: {error!r}") from error
