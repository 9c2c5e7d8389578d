"""The data folder: one `eventjob up` at a time, and none that is older than what is in it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventjob.runtime.lifecycle import CannotStart

FORMAT = 1  # of what is kept in the folder; raised by a change that older versions cannot read


class FolderTaken(CannotStart):
    """Another process works on the folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder is this process's own meanwhile; made where absent, for its owner only.

    The kernel gives the lock back when the process ends, however it ends; no child inherits it.

    Raises:
        FolderTaken: another process has it.
        CannotStart: a newer version wrote it, or it cannot be used.
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
