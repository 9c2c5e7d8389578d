"""Check the free space of a disk, at most once a second."""

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

CHECK_EVERY_S = 1.0


def _free_bytes(folder: Path) -> int:
    """Return the folder's free bytes; unlimited if the folder is on another machine."""
    return shutil.disk_usage(folder).free if folder.exists() else sys.maxsize


class DiskSpace:
    """Watches whether the folder's disk has at least ``min_free_bytes`` free."""

    def __init__(
        self,
        folder: Path,
        min_free_bytes: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        free_bytes: Callable[[Path], int] = _free_bytes,
    ) -> None:
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._clock = clock
        self._free_bytes = free_bytes
        self._next_look = float("-inf")
        self._is_short = False

    def is_short(self) -> bool:
        """Return True if the disk is too full for new work. The answer is at most a second old."""
        now = self._clock()
        if now >= self._next_look:
            self._next_look = now + CHECK_EVERY_S
            self._is_short = self._free_bytes(self._folder) < self._min_free_bytes
        return self._is_short
