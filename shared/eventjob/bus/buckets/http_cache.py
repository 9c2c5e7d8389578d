"""HTTP responses, shared by all processors: one key each; a full bucket drops the oldest.

The bucket is on disk, but a single server writes it asynchronously: responses that a power cut
loses are fetched again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import nats.errors
from nats.js.api import DiscardPolicy, PersistMode, StorageType, StreamConfig
from nats.js.errors import APIError, KeyNotFoundError
from nats.js.kv import KeyValue

from eventjob.bus.errors import Unavailable
from eventjob.bus.streams.ensure import ensure_stream
from eventjob.bus.wire.connection import Connection

BUCKET = "http"
MAX_AGE = timedelta(days=30)
MAX_BYTES = 256 * 1024 * 1024

# Not created by nats-py: its buckets refuse new entries when they are full.
STREAM = StreamConfig(
    name=f"KV_{BUCKET}",
    subjects=[f"$KV.{BUCKET}.>"],
    storage=StorageType.FILE,
    persist_mode=PersistMode.ASYNC,
    discard=DiscardPolicy.OLD,
    max_age=MAX_AGE.total_seconds(),
    max_bytes=MAX_BYTES,
    max_msgs_per_subject=1,
    duplicate_window=1.0,
    allow_direct=True,
    allow_rollup_hdrs=True,
    deny_delete=True,
)


class HttpCache:
    """The bucket; keys are plain words. Every method raises `Unavailable` if NATS is away."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._bucket: KeyValue | None = None

    async def open(self) -> KeyValue:
        """Return the bucket, created if it is missing; an existing one keeps its settings."""
        if self._bucket is None:
            jetstream = self._connection.brief
            with _translate_errors():
                await ensure_stream(self._connection, STREAM)
                self._bucket = await jetstream.key_value(BUCKET)
        return self._bucket

    async def read(self, key: str) -> bytes | None:
        """Return what was written last, unless it has expired or was dropped."""
        bucket = await self.open()
        with _translate_errors():
            try:
                return (await bucket.get(key)).value
            except KeyNotFoundError:
                return None

    async def write(self, key: str, value: bytes) -> None:
        """Store ``value``."""
        bucket = await self.open()
        with _translate_errors():
            await bucket.put(key, value)

    async def delete(self, key: str) -> None:
        """Delete the key."""
        bucket = await self.open()
        with _translate_errors():
            await bucket.purge(key)


async def open_http_cache(connection: Connection) -> HttpCache:
    """Open the bucket.

    Raises:
        Unavailable: NATS is away.
    """
    cache = HttpCache(connection)
    await cache.open()
    return cache


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except (TimeoutError, APIError, nats.errors.Error, OSError) as error:
        raise Unavailable(f"bucket {BUCKET}: {error!r}") from error
