"""The folder of a backup: one command at a time, and what is written is on disk.

| path               | what it is                                                              |
|--------------------|-------------------------------------------------------------------------|
| `manifest.json`    | says what belongs to the backup, with sizes and checksums; written last |
| `log-<time>/`      | the log as it was then, and the list of artifacts                       |
| `blobs/ab/cd/…`    | artifacts by their sha256, shared by the backups that come one by one   |
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from eventjob.runtime.lifecycle import CannotStart
from services.backup.manifest import NAME, File, Manifest

LOG = "log-"
READ_BYTES = 256 * 1024


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder is this process's own meanwhile; made where absent, for its owner only.

    Raises:
        CannotStart: another process has it, or it cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotStart(f"backup folder {folder} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise CannotStart(f"backup folder {folder} is used by another eventjob") from None
    finally:
        os.close(lock)


class BackupFile:
    """A new file of a backup: hashed as it is written, and on disk once it is closed."""

    def __init__(self, folder: Path, path: str) -> None:
        self._path = path
        self._file = (folder / path).open("xb")
        self._hash = hashlib.sha256()
        self._size_bytes = 0

    def write(self, data: bytes) -> None:
        """Append ``data``; OSError where the disk is full."""
        self._file.write(data)
        self._hash.update(data)
        self._size_bytes += len(data)

    def done(self) -> File:
        """Close it; what it became."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return File(path=self._path, size_bytes=self._size_bytes, sha256=self._hash.hexdigest())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def chunks(file: Path) -> Iterator[bytes]:
    """A file's bytes, piece by piece."""
    with file.open("rb") as reading:
        while chunk := reading.read(READ_BYTES):
            yield chunk


def make_valid(folder: Path, manifest: Manifest) -> None:
    """From now on, and not before, the folder holds this backup."""
    new = folder / f"{NAME}.new"
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    with new.open("wb") as file:
        file.write(text + b"\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / NAME)
    sync(folder)


def remove_other_logs(folder: Path, keep: str) -> None:
    """What earlier backups, and those that were interrupted, have left."""
    for path in folder.glob(f"{LOG}*"):
        if path.name != keep:
            shutil.rmtree(path)


def sync(folder: Path) -> None:
    """The names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
