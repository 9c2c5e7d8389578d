"""What a local folder needs beyond obstore, whose writes to it are atomic but never synced."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple
from uuid import uuid4

from obstore.store import LocalStore

STAGING = "incoming"
MAX_SYNCED_FOLDERS = 20_000
PARALLEL_SYNCS = 8
_ABANDONED_AFTER_S = 24 * 3600


def prepare_folder(folder: Path) -> None:
    """Make ``folder`` ready for writing, without what dead processes left half-written in it.

    Raises:
        OSError: it cannot be made, or not be written to.
    """
    staging = folder / STAGING
    staging.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=staging):
        _sync(folder.parent)
    for file in staging.iterdir():
        with suppress(FileNotFoundError):  # another process cleans up, too
            if time.time() - file.stat().st_mtime > _ABANDONED_AFTER_S:
                file.unlink()


class ExistingBlob(NamedTuple):
    """What is there already."""

    size_bytes: int
    stored_at: datetime


class NewBlob(NamedTuple):
    """What is to be stored at a path."""

    path: str
    source: bytes | Path
    size_bytes: int
    since: datetime  # what is there since then will do

    def is_stored(self, kept: ExistingBlob | None) -> bool:
        """Whether there is nothing to do."""
        if kept is None or kept.size_bytes != self.size_bytes:
            return False
        return kept.stored_at >= self.since


class BlobFolder:
    """A store in a folder, for threads: each way to one and back costs more than what it does."""

    def __init__(self, store: LocalStore) -> None:
        if store.prefix is None:
            raise ValueError("a local store needs a folder")
        self._store = store
        self._path = store.prefix
        (self._path / STAGING).mkdir(exist_ok=True)
        self._synced: set[Path] = set()
        self._syncing = ThreadPoolExecutor(PARALLEL_SYNCS, "sync")

    def store(self, blobs: Sequence[NewBlob]) -> None:
        """Store all of them: together they cost the disk little more than one.

        Raises:
            OSError: the disk is full, or does not work; some may be stored.
        """
        missing = {b.path: b for b in blobs if not b.is_stored(_find_blob(self._path / b.path))}
        staged = {path: self._path / STAGING / str(uuid4()) for path in missing}
        try:
            self._run_parallel(_write, [blob.source for blob in missing.values()], staged.values())
            move_into_place(self._path, staged)
        except OSError:
            for file in staged.values():
                file.unlink(missing_ok=True)
            raise
        # whoever wrote what was there may not have come to this yet
        self._sync_names([self._path / blob.path for blob in blobs])

    def _sync_names(self, files: Sequence[Path]) -> None:
        """Bring to disk the names of ``files``, and of each folder on their way from ours.

        It remembers the folders whose names are there, so that it is done once for each.
        """
        reached: set[Path] = set()
        for file in files:
            for parent in file.parents:
                reached.add(parent)
                if parent == self._path or parent in self._synced:
                    break
        self._run_parallel(_sync, reached)
        if len(self._synced) > MAX_SYNCED_FOLDERS:
            self._synced.clear()
        self._synced |= reached

    def _run_parallel(self, do: Callable[..., None], *arguments: Iterable[object]) -> None:
        """One after the other each would wait for a commit of the disk's journal of its own."""
        wait(calls := [self._syncing.submit(do, *some) for some in zip(*arguments, strict=True)])
        for call in calls:
            call.result()

    def read(self, path: str) -> bytes:
        """What lies at ``path``; FileNotFoundError."""
        return self._store.get(path).bytes().to_bytes()

    def read_if_small(self, path: str, most_bytes: int) -> bytes | None:
        """The same; None where it has more than ``most_bytes``."""
        result = self._store.get(path)
        return result.bytes().to_bytes() if result.meta["size"] <= most_bytes else None


def move_into_place(folder: Path, staged: Mapping[str, Path]) -> None:
    """Move staged files, which are on disk, to their paths in ``folder``.

    A power cut would leave empty files of those that have their names before their content.
    """
    for path, source in staged.items():
        target = folder / path
        try:
            source.replace(target)
        except FileNotFoundError:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)


def _find_blob(file: Path) -> ExistingBlob | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return ExistingBlob(found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))


def _write(source: bytes | Path, target: Path) -> None:
    """A new file that is on disk, by as few calls as can be: each waits for Python's lock."""
    if isinstance(source, Path):
        shutil.copyfile(source, target)
        _sync(target)
        return
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        left = memoryview(source)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class BlobWriter:
    """Writes blobs to a folder, one thread's turn for all that wait."""

    def __init__(self, folder: BlobFolder) -> None:
        self._folder = folder
        self._waiting: list[tuple[Sequence[NewBlob], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def store(self, blobs: Sequence[NewBlob]) -> None:
        """Returns when all are stored; fails where any that were written with them did.

        Raises:
            OSError, BaseError: the disk is full, or does not work.
        """
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append((blobs, stored))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await stored

    async def _write(self) -> None:
        while self._waiting:
            written, self._waiting = self._waiting, []
            blobs = [blob for some, _ in written for blob in some]
            writing = asyncio.get_running_loop().run_in_executor(None, self._folder.store, blobs)
            await asyncio.wait([writing])
            for _, stored in written:
                if stored.done():  # its caller was cancelled
                    continue
                if error := writing.exception():
                    stored.set_exception(error)
                else:
                    stored.set_result(None)
