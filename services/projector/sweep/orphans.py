"""Clean-up after deletes and restarts: blobs that no document refers to any more are removed.

A worker stores a blob, or renews it, before the event that refers to it is appended. So a blob is
let alone for a while after it was last stored, and nothing is removed unless the documents reflect
a log that a moment ago had everything in it.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from eventjob.artifacts.store import RENEWED_AFTER, ArtifactMissing, Artifacts, ArtifactsUnavailable
from eventjob.bus.errors import Unavailable
from eventjob.bus.log.log import EventLog
from eventjob.bus.roles.watch import Watch
from eventjob.projection.store import Store, StoreUnavailable
from eventjob.runtime import clock
from eventjob.runtime.logs import Logger

SWEEP_EVERY_S = 300.0
MOST_BLOBS = 1000  # in one sweep
SHORTEST_GRACE = timedelta(minutes=30)
CATCH_UP_WITHIN = timedelta(minutes=1)


def grace_for(attempt_timeout: timedelta) -> timedelta:
    """How long a blob without a reference is kept: longer than an attempt can take to name it."""
    return max(SHORTEST_GRACE, attempt_timeout + RENEWED_AFTER + timedelta(minutes=5))


async def keep_sweeping(
    store: Store,
    artifacts: Artifacts,
    grace: timedelta,
    *,
    events: EventLog,
    watch: Watch,
    log: Logger,
) -> None:
    """Sweep every few minutes, for ever; not while anything is amiss."""
    while True:
        await asyncio.sleep(SWEEP_EVERY_S)
        try:
            # A scheduler that is behind holds reports, and what they name is in no document yet.
            if watch.find_troubles():
                continue
            last = await events.last_sequence()
            if await watch.wait_until_reached(last, CATCH_UP_WITHIN):
                count = await sweep(store, artifacts, grace, clock.now)
                log.info("blobs.swept", count=count)
        except (Unavailable, StoreUnavailable, ArtifactsUnavailable) as reason:
            log.warning("sweep.ended", reason=str(reason))


async def sweep(
    store: Store, artifacts: Artifacts, grace: timedelta, now: Callable[[], datetime]
) -> int:
    """How many blobs are gone: those orphaned, and last stored, longer than ``grace`` ago.

    Raises:
        StoreUnavailable, ArtifactsUnavailable: the rest waits for the next sweep.
    """
    orphans = await store.orphans(now() - grace, MOST_BLOBS)
    gone = [sha256 for sha256 in orphans if await remove(artifacts, sha256, grace)]
    if gone:
        await store.forget_orphans(gone)
    return len(gone)


async def remove(artifacts: Artifacts, sha256: str, grace: timedelta) -> bool:
    """Whether the blob is gone; one that was stored again lately is somebody's."""
    if await artifacts.is_older(sha256, grace):
        await artifacts.delete(sha256)
        return True
    try:
        await artifacts.size(sha256)
    except ArtifactMissing:
        return True
    return False
