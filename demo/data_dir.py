"""A data folder that no other demo uses at the same time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple


class DataDir(NamedTuple):
    """A folder, and the descriptor whose lock keeps others out while any process holds it."""

    path: Path
    lock: int


@contextmanager
def free_data_dir(preferred: Path) -> Iterator[DataDir]:
    """``preferred``, or the first of ``preferred-2``, ``preferred-3`` … that is not in use."""
    for number in count(1):
        path = preferred if number == 1 else preferred.with_name(f"{preferred.name}-{number}")
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (path / "demo.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield DataDir(path, lock.fileno())
            return
