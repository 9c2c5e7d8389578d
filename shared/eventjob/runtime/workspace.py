"""A folder for a process's temporary files, gone with the process however that ends."""

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
    """A new, empty folder in ``parent``, from which the leftovers of killed processes are removed.

    A locked file beside each folder says that its process lives.

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
        if not _is_ours(lock):  # another process took it for abandoned in this very moment
            raise BlockingIOError(f"{lock_file.name} is locked already")
        folder = lock_file.with_suffix("")
        folder.mkdir()
        try:
            yield folder
        finally:
            _remove(lock_file)


def _is_ours(lock: IO[str]) -> bool:
    """Whether this process now holds the lock, on a file that still has its name."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(lock.fileno()).st_nlink > 0


def _remove(lock_file: Path) -> None:
    shutil.rmtree(lock_file.with_suffix(""), ignore_errors=True)
    lock_file.unlink(missing_ok=True)
