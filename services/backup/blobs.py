"""Artifacts on their way: out of a store into a backup, and back."""

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

AT_ONCE = 32
BLOBS = "blobs"
LIST = "artifacts"
_LISTED = re.compile(rb"([0-9a-f]{64}) ([0-9]{1,18})\n")


class BlobCopier:
    """Copies into the backup in ``folder`` what is not there yet."""

    def __init__(self, source: Artifacts, folder: Path, scratch: Path) -> None:
        self.new = 0
        self._source = source
        self._folder = folder
        self._target = open_artifacts(folder.as_uri())
        self._scratch = scratch
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def copy_all(self, sha256s: Iterable[str]) -> set[str]:
        """Copy the artifacts, several at a time; those that the store does not have.

        Raises:
            ArtifactsUnavailable: a store fails, or the disk is full.
        """
        wanted = [sha256 for sha256 in set(sha256s) if not self._is_there(sha256)]
        async with asyncio.TaskGroup() as group:
            tasks = {sha256: group.create_task(self._copied(sha256)) for sha256 in wanted}
        return {sha256 for sha256, task in tasks.items() if not task.result()}

    def size(self, sha256: str) -> int | None:
        """In bytes, of what is in the backup."""
        with suppress(FileNotFoundError):
            return (self._folder / blob_path(sha256)).stat().st_size
        return None

    def _is_there(self, sha256: str) -> bool:
        return self.size(sha256) is not None

    async def _copied(self, sha256: str) -> bool:
        async with self._turns:
            try:
                if await self._source.size(sha256) <= CHUNK_BYTES:
                    await self._target.put(await self._source.get(sha256))
                else:
                    await self._copy_large(sha256)
            except ArtifactMissing:
                return False
        self.new += 1
        return True

    async def _copy_large(self, sha256: str) -> None:
        beside = self._scratch / sha256
        try:
            with beside.open("wb") as file:
                async for chunk in self._source.stream(sha256):
                    await asyncio.to_thread(file.write, chunk)
            await self._target.put_file(beside, sha256)
        except ValueError as error:
            raise ArtifactCorrupt(str(error)) from error
        finally:
            beside.unlink(missing_ok=True)


def write_list(
    names: Sha256Set, size: Callable[[str], int | None], file: BackupFile
) -> tuple[int, int]:
    """Write down which artifacts belong to a backup; how many there are, and their bytes."""
    count = size_bytes = 0
    for _, sha256s in names.parts():
        for sha256 in sha256s:
            found = size(sha256)
            if found is not None:
                file.write(f"{sha256} {found}\n".encode())
                count += 1
                size_bytes += found
    return count, size_bytes


def read_list(file: Path) -> Iterator[tuple[str, int]]:
    """The sha256 and the size in bytes of each artifact of a backup.

    Raises:
        CannotStart: a line is something else.
    """
    with file.open("rb") as lines:
        for line in lines:
            found = _LISTED.fullmatch(line)
            if found is None:
                raise CannotStart(f"{file} has {line[:99]!r}, expected a sha256 and a size")
            yield found[1].decode(), int(found[2])


def remove_others(folder: Path, names: Sha256Set) -> int:
    """Remove what no log names any more; how many artifacts that were."""
    count = 0
    for part, sha256s in names.parts():
        belongs = set(sha256s)
        for file in (folder / BLOBS / part).glob("*/*"):
            if file.name not in belongs:
                file.unlink()
                count += 1
    return count


def sha256_of(file: Path) -> str:
    """A file's sha256, in constant memory."""
    with file.open("rb") as reading:
        return hashlib.file_digest(reading, "sha256").hexdigest()
