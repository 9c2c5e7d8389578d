"""What a local folder needs beyond obstore, whose writes to it are atomic but never synced."""

import os
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

STAGING = "incoming"
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
