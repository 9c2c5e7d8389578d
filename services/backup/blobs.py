"""Copy artifacts from a store into a backup, and list them."""

import asyncio
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from eventjob.artifacts.open_artifacts import open_artifacts
from eventjob.artifacts.store import (
    CHUNK_BYTES,
    ArtifactCorrupt,
    ArtifactMissing,
    Artifacts,
    blob_path,
)
from eventjob.runtime.lifecycle import CannotStart
from services.backup.folder import BackupFile
from services.backup.references import Sha256Set

CONCURRENCY = 32
BLOBS = "blobs"
LIST = "artifacts"
_LINE = re.compile(rb"([0-9a-f]{64}) ([0-9]{1,18})\n")


class BlobCopier:
    """Copies artifacts that are missing into the backup in ``folder``."""

    def __init__(self, source: Artifacts, folder: Path, scratch: Path) -> None:
        self.new = 0
        self._source = source
        self._folder = folder
        self._target = open_artifacts(folder.as_uri())
        self._scratch = scratch
        self._slots = asyncio.Semaphore(CONCURRENCY)

    async def copy_all(self, sha256s: Iterable[str]) -> set[str]:
        """Copy artifacts, several at a time; return those that the store lacks."""
        absent = [sha256 for sha256 in set(sha256s) if not self._is_there(sha256)]
        async with asyncio.TaskGroup() as group:
            tasks = {sha256: group.create_task(self._copy_one(sha256)) for sha256 in absent}
        return {sha256 for sha256, task in tasks.items() if not task.result()}

    def size(self, sha256: str) -> int | None:
        """Return the size in bytes of an artifact in the backup; None if absent."""
        with suppress(FileNotFoundError):
            return (self._folder / blob_path(sha256)).stat().st_size
        return None

    def _is_there(self, sha256: str) -> bool:
        return self.size(sha256) is not None

    async def _copy_one(self, sha256: str) -> bool:
        async with self._slots:
            try:
                if await self._source.size(sha256) <= CHUNK_BYTES:
                    await self._target.put(await self._source.get(sha256))
                else:
                    # streamed: a large artifact must not fill the memory
                    await self._copy_large(sha256)
            except ArtifactMissing:
                return False
        self.new += 1
        return True

    async def _copy_large(self, sha256: str) -> None:
        temporary = self._scratch / sha256
        try:
            with temporary.open("wb") as file:
                async for chunk in self._source.stream(sha256):
                    await asyncio.to_thread(file.write, chunk)
            await self._target.put_file(temporary, sha256)
        except ValueError as error:
            raise ArtifactCorrupt(str(error)) from error
        finally:
            temporary.unlink(missing_ok=True)


def write_list(
    references: Sha256Set, size: Callable[[str], int | None], file: BackupFile
) -> tuple[int, int]:
    """Write the list of a backup's artifacts; return their number and total bytes."""
    count = size_bytes = 0
    for _, sha256s in references.parts():
        for sha256 in sha256s:
            blob_bytes = size(sha256)
            # a lost artifact stays out: verifying the backup would fail otherwise
            if blob_bytes is not None:
                file.write(f"{sha256} {blob_bytes}\n".encode())
                count += 1
                size_bytes += blob_bytes
    return count, size_bytes


def read_list(file: Path) -> Iterator[tuple[str, int]]:
    """Yield sha256 and size in bytes of each artifact; `CannotStart` for a malformed line."""
    with file.open("rb") as lines:
        for line in lines:
            match = _LINE.fullmatch(line)
            if match is None:
                raise CannotStart(f"{file} has {line[:99]!r}, expected a sha256 and a size")
            yield match[1].decode(), int(match[2])


def remove_unreferenced(folder: Path, references: Sha256Set) -> int:
    """Delete the artifacts that only earlier backups reference; return their number."""
    count = 0
    for part, sha256s in references.parts():
        referenced = set(sha256s)
        for file in (folder / BLOBS / part).glob("*/*"):
            if file.name not in referenced:
                file.unlink()
                count += 1
    return count


def sha256_of(file: Path) -> str:
    """Return a file's sha256, in constant memory."""
    with file.open("rb") as reading:
        return hashlib.file_digest(reading, "sha256").hexdigest()
