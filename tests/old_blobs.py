"""Blobs in a folder that the clean-up takes for old, and for nobody's."""

import hashlib
import os
import time
from pathlib import Path

A_DAY_S = 24 * 3600


def age(artifacts: Path) -> None:
    """Let every blob have been stored two days ago."""
    then = time.time() - 2 * A_DAY_S
    for blob in artifacts.glob("blobs/*/*/*"):
        os.utime(blob, (then, then))


def leave(artifacts: Path, data: bytes) -> Path:
    """A blob that no event ever named."""
    sha256 = hashlib.sha256(data).hexdigest()
    blob = artifacts / "blobs" / sha256[:2] / sha256[2:4] / sha256
    blob.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(data)
    return blob
