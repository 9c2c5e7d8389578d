"""Clean-up after deletes and restarts: blobs that no document refers to any more are removed."""

from collections.abc import Callable
from datetime import datetime, timedelta

from eventjob.artifacts.store import ArtifactMissing, Artifacts
from services.api.store import Store

MOST_BLOBS = 1000  # in one sweep


async def sweep(
    store: Store, artifacts: Artifacts, grace: timedelta, now: Callable[[], datetime]
) -> int:
    """How many blobs are gone: those orphaned, and last stored, longer than ``grace`` ago.

    A worker stores a blob, or renews it, before the event that refers to it is appended. So this
    may run only where the documents reflect a log that was complete a moment ago, and ``grace``
    must be longer than the time from storing to appending.

    Raises:
        StoreUnavailable, ArtifactsUnavailable: the rest waits for the next sweep.
    """
    orphans = await store.orphans(now() - grace, MOST_BLOBS)
    gone = [sha256 for sha256 in orphans if await _remove(artifacts, sha256, grace)]
    if gone:
        await store.forget_orphans(gone)
    return len(gone)


async def _remove(artifacts: Artifacts, sha256: str, grace: timedelta) -> bool:
    """Whether the blob is gone; one that was stored again lately is somebody's."""
    if await artifacts.older_than(sha256, grace):
        await artifacts.delete(sha256)
        return True
    try:
        await artifacts.size(sha256)
    except ArtifactMissing:
        return True
    return False
