"""Store blobs under the sha256 of their content, in a local folder or an S3 bucket."""

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from obstore.store import LocalStore, MemoryStore, S3Store

from eventjob.artifacts import disk
from eventjob.artifacts.disk import BlobWriter
from eventjob.artifacts.faults import (
    ArtifactCorrupt,
    ArtifactMissing,
    ArtifactsUnavailable,
    translate_read_errors,
    translate_store_errors,
)

__all__ = [
    "ArtifactCorrupt",
    "ArtifactMissing",
    "Artifacts",
    "ArtifactsUnavailable",
    "OldBlob",
]

if TYPE_CHECKING:
    from obstore import GetOptions

CHUNK_BYTES = 1024 * 1024
LIST_PAGE = 1000
PARALLEL_PARTS = 4  # of 5 MiB, in memory
RENEWED_AFTER = timedelta(minutes=10)  # spares an upload for each use in between

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_HASH_INLINE_BYTES = 64 * 1024  # above it, hashing costs more than switching to a thread


class OldBlob(NamedTuple):
    """A blob that was last stored long ago."""

    sha256: str
    size_bytes: int


class Artifacts:
    """Immutable blobs, each stored once and shared by all users.

    A stored blob survives a power cut, and readers never see a part of it. Storing an existing blob
    is cheap, and leaves it at most `RENEWED_AFTER` old. So a sweep spares all that running attempts
    have stored, if its grace exceeds this and an attempt together. The gap between `is_older` and
    `delete` remains.

    Methods raise ValueError for a malformed sha256, and ArtifactsUnavailable if the store fails.
    """

    def __init__(
        self,
        store: LocalStore | MemoryStore | S3Store,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._folder = disk.BlobFolder(store) if isinstance(store, LocalStore) else None
        self._writer = None if self._folder is None else BlobWriter(self._folder)
        self._clock = clock

    async def put(self, data: bytes) -> str:
        """Store ``data`` and return its sha256."""
        (sha256,) = await self.put_all(data)
        return sha256

    async def put_all(self, *data: bytes) -> list[str]:
        """Store several blobs, cheaper than one by one; return the sha256 of each."""
        sha256s = [await _hash(some) for some in data]
        blobs = [
            self._blob(name, some, len(some)) for name, some in zip(sha256s, data, strict=True)
        ]
        if self._writer is not None:
            with translate_store_errors():
                await self._writer.store(blobs)
            return sha256s
        for blob in blobs:
            await self._store_blob(blob)
        return sha256s

    async def put_file(self, path: Path, sha256: str | None = None) -> str:
        """Store a file of any size in constant memory; return its sha256.

        Raises:
            ValueError: the content does not have the ``sha256`` that the caller expects.
            OSError: the file cannot be read.
        """
        found, size_bytes = await asyncio.to_thread(_hash_file, path)
        if sha256 is not None and sha256 != found:
            raise ValueError(f"{path.name} has the sha256 {found}, not {sha256}")
        await self._store_blob(self._blob(found, path, size_bytes))
        return found

    async def get(self, sha256: str) -> bytes:
        """Return the whole blob after verifying its content.

        Raises:
            ArtifactMissing: the blob does not exist, or is corrupt (ArtifactCorrupt).
        """
        with translate_read_errors(sha256):
            if self._folder is not None:
                data = await asyncio.to_thread(self._folder.read, blob_path(sha256))
            else:
                result = await self._store.get_async(blob_path(sha256))
                data = (await result.bytes_async()).to_bytes()
        found = await _hash(data)
        if found != sha256:
            raise ArtifactCorrupt(f"artifact {sha256} is corrupt: its content has sha256 {found}")
        return data

    async def size(self, sha256: str) -> int:
        """Return the blob's size in bytes.

        Raises:
            ArtifactMissing: the blob does not exist.
        """
        with translate_read_errors(sha256):
            return (await self._store.head_async(blob_path(sha256)))["size"]

    async def stream(
        self, sha256: str, start: int = 0, end: int | None = None, chunk_size: int = CHUNK_BYTES
    ) -> AsyncIterator[bytes]:
        """Yield the blob's bytes from ``start`` to before ``end``, unverified, in constant memory.

        All chunks but the last have ``chunk_size`` bytes or more. An empty blob is one empty chunk.

        Raises:
            ArtifactMissing: the blob does not exist.
            ValueError: the range is empty, or exceeds the blob.
        """
        options: GetOptions = {}
        if (start, end) != (0, None):
            size_bytes = await self.size(sha256)
            end = size_bytes if end is None else end
            if not 0 <= start < end <= size_bytes:
                raise ValueError(f"no bytes {start} to {end} in artifact {sha256} of {size_bytes}")
            options["range"] = (start, end)
        with translate_read_errors(sha256):
            if self._folder is not None and not options:
                small = await asyncio.to_thread(
                    self._folder.read_if_small, blob_path(sha256), chunk_size
                )
                if small is not None:
                    yield small
                    return
            result = await self._store.get_async(blob_path(sha256), options=options)
            if result.meta["size"] <= chunk_size:  # twice as fast as a stream of one chunk
                yield (await result.bytes_async()).to_bytes()
            else:
                async for chunk in result.stream(min_chunk_size=chunk_size):
                    yield chunk

    async def is_older(self, sha256: str, age: timedelta) -> bool:
        """Return True if the blob exists and was last stored longer than ``age`` ago."""
        kept = await self._head(blob_path(sha256))
        return kept is not None and self._clock() - kept.stored_at > age

    async def list_older(self, age: timedelta) -> AsyncGenerator[list[OldBlob]]:
        """Yield pages of all blobs that were last stored longer than ``age`` ago, in any order."""
        until = self._clock() - age
        with translate_store_errors():
            async for page in self._store.list(prefix="blobs", chunk_size=LIST_PAGE):
                old = [meta for meta in page if meta["last_modified"] < until]
                some = [OldBlob(meta["path"].rpartition("/")[2], meta["size"]) for meta in old]
                yield [blob for blob in some if _SHA256.match(blob.sha256)]

    async def check(self) -> None:
        """Check that the store answers; a folder was checked when it was opened."""
        if self._folder is None:
            with translate_store_errors():
                # In a thread: a process that ends after a failure in obstore's threads aborts.
                await asyncio.to_thread(next, self._store.list(prefix="blobs", chunk_size=1), None)

    async def delete(self, sha256: str) -> None:
        """Delete the blob if it exists."""
        path = blob_path(sha256)
        with translate_store_errors(), suppress(FileNotFoundError):
            await self._store.delete_async(path)

    def _blob(self, sha256: str, source: bytes | Path, size_bytes: int) -> disk.NewBlob:
        return disk.NewBlob(blob_path(sha256), source, size_bytes, self._clock() - RENEWED_AFTER)

    async def _store_blob(self, blob: disk.NewBlob) -> None:
        if self._folder is not None:
            with translate_store_errors():
                await asyncio.to_thread(self._folder.store, [blob])
        elif not blob.is_stored(await self._head(blob.path)):
            with translate_store_errors():
                await self._store.put_async(blob.path, blob.source, max_concurrency=PARALLEL_PARTS)

    async def _head(self, path: str) -> disk.ExistingBlob | None:
        with translate_store_errors(), suppress(FileNotFoundError):
            meta = await self._store.head_async(path)
            return disk.ExistingBlob(meta["size"], meta["last_modified"])
        return None


def blob_path(sha256: str) -> str:
    """Return a blob's path in a store; raise ValueError for a malformed sha256."""
    if not _SHA256.match(sha256):
        raise ValueError(f"expected a sha256 in lower-case hex, got {sha256!r}")
    return f"blobs/{sha256[:2]}/{sha256[2:4]}/{sha256}"


async def _hash(data: bytes) -> str:
    if len(data) <= _HASH_INLINE_BYTES:
        return hashlib.sha256(data).hexdigest()
    return (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()


def _hash_file(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
