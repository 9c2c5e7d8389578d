"""The folder of a backup, used by one command at a time; what is written is synced to disk.

| path               | content                                                                 |
|--------------------|-------------------------------------------------------------------------|
| `manifest.json`    | names the files of the backup, with sizes and checksums; written last   |
| `log-<time>/`      | the log at that time, and the list of artifacts                         |
| `blobs/ab/cd/…`    | artifacts by their sha256, shared by successive backups                 |
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

LOG_PREFIX = "log-"
READ_BYTES = 256 * 1024


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock the folder, created with access for its owner only, for as long as the context lasts.

    Raises:
        CannotStart: another process uses it, or it is unusable.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotStart(f"backup folder {folder} cannot be used: {error.strerror}") from error
    try:
        # a second backup would remove the first one's log
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise CannotStart(f"backup folder {folder} is used by another eventjob") from None
    finally:
        os.close(lock)


class BackupFile:
    """A new file of a backup: hashed while written, synced to disk when finished."""

    def __init__(self, folder: Path, path: str) -> None:
        self._path = path
        self._file = (folder / path).open("xb")
        self._hash = hashlib.sha256()
        self._size_bytes = 0

    def write(self, data: bytes) -> None:
        """Append ``data``; raise OSError if the disk is full."""
        self._file.write(data)
        self._hash.update(data)
        self._size_bytes += len(data)

    def finish(self) -> File:
        """Sync and close the file; return its manifest entry."""
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


def read_chunks(file: Path) -> Iterator[bytes]:
    """Yield a file's bytes in pieces."""
    with file.open("rb") as reading:
        while chunk := reading.read(READ_BYTES):
            yield chunk


def publish_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest, which makes this backup the valid one."""
    temporary = folder / f"{NAME}.new"
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    with temporary.open("wb") as file:
        file.write(text + b"\n")
        file.flush()
        os.fsync(file.fileno())
    # atomic: an interruption leaves the earlier backup valid
    temporary.replace(folder / NAME)
    sync_folder(folder)


def remove_other_logs(folder: Path, kept_name: str) -> None:
    """Remove the logs of earlier and interrupted backups."""
    for path in folder.glob(f"{LOG_PREFIX}*"):
        if path.name != kept_name:
            shutil.rmtree(path)


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
