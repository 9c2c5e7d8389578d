"""Lock a data folder, so that two demos use two folders."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple


class DataDir(NamedTuple):
    """A folder, and the descriptor that holds its lock while any process has it open."""

    path: Path
    lock: int


@contextmanager
def lock_data_dir(preferred: Path) -> Iterator[DataDir]:
    """Yield ``preferred``, or the first free one of ``preferred-2``, ``preferred-3`` …."""
    for number in count(1):
        path = preferred if number == 1 else preferred.with_name(f"{preferred.name}-{number}")
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (path / "demo.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # another demo has it
            yield DataDir(path, lock.fileno())
            return
