"""The data folder: used by one process at a time, of the version that wrote it or newer."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventjob.runtime.lifecycle import CannotStart

FORMAT = 1  # of the folder; raised by a change that older versions cannot read


class FolderTaken(CannotStart):
    """Another process uses the folder."""


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock the folder, created with access for its owner only, for as long as the context lasts.

    Raises:
        FolderTaken: another process uses it.
        CannotStart: a newer version wrote it, or it is unusable.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotStart(f"data folder {folder} cannot be used: {error.strerror}") from error
    try:
        _lock(folder, lock)
        _check_format(folder)
        yield
    finally:
        os.close(lock)


def _lock(folder: Path, lock: int) -> None:
    try:
        # the kernel frees the lock when the process ends in any way; children do not inherit it
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
        raise FolderTaken(
            f"data folder {folder} is used by another eventjob (pid {owner})"
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)


def _check_format(folder: Path) -> None:
    file = folder / "version"
    if not file.exists():
        file.write_text(f"{FORMAT}\n")
    written = file.read_text(errors="replace").strip()
    if not written.isdecimal():
        raise CannotStart(f"{file} should hold the number of a data format, not {written!r}")
    if int(written) > FORMAT:
        raise CannotStart(
            f"data folder {folder} was written by a newer eventjob "
            f"(data format {written}; this one knows {FORMAT}): use that version, or another folder"
        )
