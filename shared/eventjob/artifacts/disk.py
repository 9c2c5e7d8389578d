"""What a local folder needs beyond obstore, whose writes to it are atomic but never synced."""

import os
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

STAGING = "incoming"
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


def publish(staged: Path, final: Path) -> None:
    """Move a whole file to its name, which it never has before its content is on disk.

    Without that order a power cut may leave an empty file under a name that promises content.
    """
    try:
        _sync(staged)
        final.parent.mkdir(parents=True, exist_ok=True)
        staged.replace(final)
    except OSError:
        staged.unlink(missing_ok=True)
        raise


def sync_names(file: Path, folder: Path) -> None:
    """Bring to disk that ``file`` is there, and each folder on its way from ``folder``."""
    for parent in file.parents:
        _sync(parent)
        if parent == folder:
            break


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
