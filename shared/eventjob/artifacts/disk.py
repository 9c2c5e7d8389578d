"""What a local folder needs beyond obstore, whose writes to it are atomic but never synced."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING
from uuid import uuid4

from obstore.store import LocalStore

if TYPE_CHECKING:
    from obstore import ObjectMeta

STAGING = "incoming"
PARTS_AT_ONCE = 4  # of 5 MiB, in memory
MOST_SETTLED = 20_000
_ABANDONED_AFTER_S = 24 * 3600


def prepare(folder: Path) -> None:
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


class Folder:
    """A store in a folder, for threads: each way to one and back costs more than what it does."""

    def __init__(self, store: LocalStore) -> None:
        if store.prefix is None:
            raise ValueError("a local store needs a folder")
        self._store = store
        self._path = store.prefix
        self._settled: set[str] = set()

    def keep(
        self,
        path: str,
        source: bytes | Path,
        is_kept: Callable[["ObjectMeta | None"], bool],
    ) -> None:
        """Store ``source`` at ``path``, unless what is there (None: nothing) will do.

        Raises:
            OSError, BaseError: the disk is full, or does not work.
        """
        if is_kept(self._head(path)):  # whoever wrote it may not have come to this yet
            sync_names(self._path / path, self._path, self._settled)
            return
        staged = f"{STAGING}/{uuid4()}"
        self._store.put(staged, source, max_concurrency=PARTS_AT_ONCE)
        publish(self._path, staged, path, self._settled)

    def read(self, path: str) -> bytes:
        """What lies at ``path``; FileNotFoundError."""
        return self._store.get(path).bytes().to_bytes()

    def read_if_small(self, path: str, most_bytes: int) -> bytes | None:
        """The same; None where it has more than ``most_bytes``."""
        result = self._store.get(path)
        return result.bytes().to_bytes() if result.meta["size"] <= most_bytes else None

    def _head(self, path: str) -> "ObjectMeta | None":
        with suppress(FileNotFoundError):
            return self._store.head(path)
        return None


def publish(folder: Path, staged: str, path: str, settled: set[str]) -> None:
    """Move a staged file to its path in ``folder``, and bring to disk that it is there.

    See `sync_names` for ``settled``.

    It never has its name before its content is on disk: a power cut would leave an empty file.
    """
    source, target = folder / staged, folder / path
    try:
        _sync(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
    except OSError:
        source.unlink(missing_ok=True)
        raise
    sync_names(target, folder, settled)


def sync_names(file: Path, folder: Path, settled: set[str]) -> None:
    """Bring to disk the name of ``file``, and of each folder on its way from ``folder``.

    ``settled`` remembers the folders whose names are there, so that it is done once for each.
    """
    reached = []
    for parent in file.parents:
        _sync(parent)
        if parent == folder or str(parent) in settled:
            break
        reached.append(str(parent))
    if len(settled) > MOST_SETTLED:
        settled.clear()
    settled.update(reached)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
