"""Delete blobs that documents have released, after deletions and restarts.

A worker stores or renews a blob before the event that names it. So a blob is kept for a while after
it was last stored, and the documents must reflect the log's end before a sweep.
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
MAX_BLOBS = 1000  # in one sweep
MIN_GRACE = timedelta(minutes=30)
CATCH_UP_TIMEOUT = timedelta(minutes=1)


def grace_for(attempt_timeout: timedelta) -> timedelta:
    """Return how long an unreferenced blob is kept: longer than an attempt takes to name it."""
    return max(MIN_GRACE, attempt_timeout + RENEWED_AFTER + timedelta(minutes=5))


async def run_orphan_sweeps(
    store: Store,
    artifacts: Artifacts,
    grace: timedelta,
    *,
    events: EventLog,
    watch: Watch,
    log: Logger,
) -> None:
    """Sweep every few minutes, unless a service has trouble."""
    while True:
        await asyncio.sleep(SWEEP_EVERY_S)
        try:
            # a scheduler that is behind has reports left, which name blobs that no document has yet
            if watch.find_troubles():
                continue
            # what the documents have not shown yet may reference the blob again
            last = await events.last_sequence()
            if await watch.wait_until_reached(last, CATCH_UP_TIMEOUT):
                count = await sweep_orphans(store, artifacts, grace, clock.now)
                log.info("blobs.swept", count=count)
        except (Unavailable, StoreUnavailable, ArtifactsUnavailable) as reason:
            log.warning("sweep.ended", reason=str(reason))


async def sweep_orphans(
    store: Store, artifacts: Artifacts, grace: timedelta, now: Callable[[], datetime]
) -> int:
    """Delete blobs orphaned and last stored more than ``grace`` ago; return how many."""
    orphans = await store.orphans(now() - grace, MAX_BLOBS)
    deleted = [sha256 for sha256 in orphans if await delete_if_old(artifacts, sha256, grace)]
    if deleted:
        # after the deletes: a crash in between only repeats them
        await store.forget_orphans(deleted)
    return len(deleted)


async def delete_if_old(artifacts: Artifacts, sha256: str, grace: timedelta) -> bool:
    """Delete a blob unless it was stored again lately; True if it is gone."""
    # asked again right before the delete: a job may have reused the blob
    if await artifacts.is_older(sha256, grace):
        await artifacts.delete(sha256)
        return True
    try:
        await artifacts.size(sha256)
    except ArtifactMissing:
        return True
    return False
