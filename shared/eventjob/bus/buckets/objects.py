"""Objects by name: a scheduler's snapshots, which spare the next one from folding the log."""

import asyncio
import base64
import hashlib

import msgspec
import nats.errors
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, Error, NotFoundError
from nats.js.object_store import ObjectStore

from eventjob.bus.errors import Unavailable
from eventjob.bus.streams.ensure import ensure_stream
from eventjob.bus.wire.connection import Connection
from eventjob.bus.wire.direct import PAGE_BYTES, direct_get
from eventjob.contracts.base import UNREADABLE

STORE = "snapshots"
STREAM = f"OBJ_{STORE}"
CONFIG = StreamConfig(
    name=STREAM,
    subjects=[f"$O.{STORE}.C.>", f"$O.{STORE}.M.>"],
    storage=StorageType.FILE,
    discard=DiscardPolicy.NEW,
    max_bytes=-1,
    allow_direct=True,
    allow_rollup_hdrs=True,
)


class _Meta(msgspec.Struct, frozen=True):
    """What the server stores about an object, as far as needed here."""

    nuid: str
    digest: str


def _meta_subject(name: str) -> str:
    return f"$O.{STORE}.M.{base64.urlsafe_b64encode(name.encode()).decode()}"


class Objects:
    """Objects by name, one version each. Methods raise `Unavailable` if NATS is away."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._store: ObjectStore | None = None
        self._opening = asyncio.Lock()  # a cluster leaves parallel creations unanswered

    async def put(self, name: str, data: bytes) -> None:
        """Store ``data`` in place of the last version."""
        try:
            await (await self._opened()).put(name, data)
        except (APIError, Error, TimeoutError, nats.errors.Error, OSError) as error:
            raise Unavailable(f"snapshot {name} is not stored: {error!r}") from error

    async def get(self, name: str) -> bytes | None:
        """Return the object's content, or None if it is missing or incomplete."""
        try:
            await self._opened()
            found = await self._connection.jetstream.get_last_msg(STREAM, _meta_subject(name))
        except NotFoundError:
            return None
        except (APIError, Error, TimeoutError, nats.errors.Error, OSError) as error:
            raise Unavailable(f"snapshot {name} cannot be read: {error!r}") from error
        if "Nats-Stream" in (found.headers or {}):  # forged: see `frames.is_server_answer`
            return None
        try:
            meta = msgspec.json.decode(found.data or b"", type=_Meta)
        except UNREADABLE:
            return None
        data = await self._chunks(f"$O.{STORE}.C.{meta.nuid}")
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
        return data if meta.digest == f"SHA-256={digest}" else None

    async def _chunks(self, subject: str) -> bytes:
        """Read all chunks by batched direct gets: nats-py takes a quarter of a second for each."""
        chunks: list[bytes] = []
        start, left = 1, 1
        while left:
            request = {"seq": start, "batch": 64, "max_bytes": PAGE_BYTES, "next_by_subj": subject}
            found, left = await direct_get(self._connection, STREAM, request)
            chunks += [message.data for message in found]
            if not found:
                break
            start = int((found[-1].headers or {})["Nats-Sequence"]) + 1
        return b"".join(chunks)

    async def _opened(self) -> ObjectStore:
        async with self._opening:
            if self._store is None:
                await ensure_stream(self._connection, CONFIG)
                self._store = await self._connection.jetstream.object_store(STORE)
            return self._store
