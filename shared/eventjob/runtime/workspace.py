"""A temporary folder that is removed even after its process was killed."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4


@contextmanager
def workspace(parent: Path) -> Iterator[Path]:
    """Create an empty folder in ``parent``, and remove the leftovers of killed processes.

    A locked file beside each folder shows that its process is alive.

    Raises:
        OSError: ``parent`` cannot be written to.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for lock_file in parent.glob("*.lock"):
        with suppress(FileNotFoundError), lock_file.open("r+") as lock:
            if _is_ours(lock):
                _remove(lock_file)
    lock_file = parent / f"{uuid4()}.lock"
    with lock_file.open("x") as lock:
        if not _is_ours(lock):  # another process has just taken it for a leftover
            raise BlockingIOError(f"{lock_file.name} is already locked")
        folder = lock_file.with_suffix("")
        folder.mkdir()
        try:
            yield folder
        finally:
            _remove(lock_file)


def _is_ours(lock: IO[str]) -> bool:
    """Lock the file; return True if this process holds the lock and the file still has a name."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(lock.fileno()).st_nlink > 0


def _remove(lock_file: Path) -> None:
    shutil.rmtree(lock_file.with_suffix(""), ignore_errors=True)
    lock_file.unlink(missing_ok=True)
