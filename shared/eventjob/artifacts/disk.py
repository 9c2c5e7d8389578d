"""Durable writes to a local folder: obstore writes atomically, but leaves syncing to us."""

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
_ABANDONED_AFTER_S = 24 * 3600  # longer than any upload takes


def prepare_folder(folder: Path) -> None:
    """Create ``folder`` if needed, test that it is writable, and delete abandoned files.

    Raises:
        OSError: it cannot be created or written to.
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
    """A blob that is already stored."""

    size_bytes: int
    stored_at: datetime


class NewBlob(NamedTuple):
    """A blob to store at a path."""

    path: str
    source: bytes | Path
    size_bytes: int
    since: datetime  # a copy stored since then is new enough

    def is_stored(self, existing: ExistingBlob | None) -> bool:
        """Return True if the existing copy has the same size and is new enough."""
        if existing is None or existing.size_bytes != self.size_bytes:
            return False
        return existing.stored_at >= self.since


class BlobFolder:
    """Blobs in a folder, for use in threads: switching to one costs more than the work."""

    def __init__(self, store: LocalStore) -> None:
        if store.prefix is None:
            raise ValueError("a local store needs a folder")
        self._store = store
        self._path = store.prefix
        (self._path / STAGING).mkdir(exist_ok=True)
        self._synced: set[Path] = set()
        self._syncing = ThreadPoolExecutor(PARALLEL_SYNCS, "sync")

    def store(self, blobs: Sequence[NewBlob]) -> None:
        """Store all ``blobs``; together they cost the disk little more than one.

        Raises:
            OSError: the disk is full or fails; some may be stored.
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
        # Also for existing blobs: their writer may not have synced the names yet.
        self._sync_names([self._path / blob.path for blob in blobs])

    def _sync_names(self, files: Sequence[Path]) -> None:
        """Sync the directory entries of ``files`` and of all folders between them and ours."""
        # Folders that are known to be synced are skipped, so each costs one fsync.
        reached: set[Path] = set()
        for file in files:
            for parent in file.parents:
                reached.add(parent)
                if parent == self._path or parent in self._synced:
                    break
        self._run_parallel(_sync, reached)
        if len(self._synced) > MAX_SYNCED_FOLDERS:
            self._synced.clear()  # bounds the memory; a second sync is harmless
        self._synced |= reached

    def _run_parallel(self, do: Callable[..., None], *arguments: Iterable[object]) -> None:
        """Run calls in parallel: one by one, each waits for its own commit of the journal."""
        wait(calls := [self._syncing.submit(do, *some) for some in zip(*arguments, strict=True)])
        for call in calls:
            call.result()

    def read(self, path: str) -> bytes:
        """Return the content at ``path``; raise FileNotFoundError."""
        return self._store.get(path).bytes().to_bytes()

    def read_if_small(self, path: str, most_bytes: int) -> bytes | None:
        """Return the content if it has at most ``most_bytes``."""
        result = self._store.get(path)
        return result.bytes().to_bytes() if result.meta["size"] <= most_bytes else None


class BlobWriter:
    """Writes blobs to a folder, with one thread call for all that are waiting."""

    def __init__(self, folder: BlobFolder) -> None:
        self._folder = folder
        self._waiting: list[tuple[Sequence[NewBlob], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def store(self, blobs: Sequence[NewBlob]) -> None:
        """Store ``blobs``; fails if any blob written in the same call failed.

        Raises:
            OSError, BaseError: the disk is full or fails.
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


def move_into_place(folder: Path, staged: Mapping[str, Path]) -> None:
    """Move staged files to their paths in ``folder``; they must be synced.

    A power cut empties files that get their names before their content is on disk.
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
    """Write and sync a new file in as few calls as possible: each waits for Python's lock."""
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
