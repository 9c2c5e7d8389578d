"""Delete blobs that were never named by an event, such as those of failed attempts.

The orphan sweep (`services.projector.sweep.orphans`) handles what documents release. This one
checks every blob, a stretch at a time, so that its memory use stays constant.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import aclosing
from datetime import timedelta
from functools import partial

import msgspec

from eventjob.artifacts.store import Artifacts, ArtifactsUnavailable, OldBlob
from eventjob.bus import subjects
from eventjob.bus.buckets import http_cache
from eventjob.bus.errors import Unavailable
from eventjob.bus.log.log import EventLog
from eventjob.bus.roles.backlog import find_sha256s, has_messages_until, read_last_sequences
from eventjob.bus.wire.connection import Connection
from eventjob.projection.store import Store, StoreUnavailable
from eventjob.runtime.logs import Logger
from services.projector.sweep.orphans import delete_if_old

FIRST_AFTER_S = 3600.0
EVERY_S = 24 * 3600.0
MAX_WAIT = timedelta(minutes=1)
CHECK_EVERY_S = 0.5
_QUEUES = (subjects.CMD, subjects.REPORTS)
_REFERRING_STREAMS = (
    f"KV_{http_cache.BUCKET}",  # bodies that may be used again
    subjects.PARKED,  # messages that a person may retry
)


class ProjectionBehind(Exception):
    """The documents lag, so it is unknown which blobs are needed."""


class SweepReport(msgspec.Struct):
    """Counts of a sweep; in a dry run, ``removed`` is what would have been deleted."""

    seen: int = 0
    removed: int = 0
    removed_bytes: int = 0


async def run_daily_sweeps(
    store: Store, artifacts: Artifacts, grace: timedelta, connection: Connection, log: Logger
) -> None:
    """Sweep once a day; after a fault, try again in an hour."""
    pause_s = FIRST_AFTER_S
    while True:
        await asyncio.sleep(pause_s)
        pause_s = FIRST_AFTER_S
        try:
            needed = await find_referenced_elsewhere(connection, store)
            sweep = await sweep_all(store, artifacts, grace, needed)
        except (ArtifactsUnavailable, ProjectionBehind, StoreUnavailable, Unavailable) as reason:
            log.warning("sweep.ended", reason=str(reason))
        else:
            pause_s = EVERY_S
            log.info("blobs.swept", seen=sweep.seen, count=sweep.removed, bytes=sweep.removed_bytes)


async def find_referenced_elsewhere(
    connection: Connection, store: Store, max_wait: timedelta = MAX_WAIT
) -> set[str]:
    """Return the blobs that commands, reports and the HTTP cache reference.

    First it waits for the commands and reports queued now, then for the documents. Whatever comes
    later references blobs that were stored, or stored again, within the grace.

    Raises:
        ProjectionBehind: that takes too long.
        Unavailable, StoreUnavailable: the bus or the store is away.
    """
    # their blobs are stored already, but named by no document yet
    queued = await read_last_sequences(connection, *_QUEUES)
    await _wait_until_not(
        partial(has_messages_until, connection, queued), "the scheduler", max_wait
    )
    last = await EventLog(connection).last_sequence()

    async def is_behind() -> bool:
        return await store.checkpoint() < last

    await _wait_until_not(is_behind, "the projector", max_wait)
    referenced = [await find_sha256s(connection, stream) for stream in _REFERRING_STREAMS]
    return set().union(*referenced)


async def _wait_until_not(
    is_behind: Callable[[], Awaitable[bool]], service: str, max_wait: timedelta
) -> None:
    for _ in range(round(max_wait.total_seconds() / CHECK_EVERY_S) + 1):
        if not await is_behind():
            return
        await asyncio.sleep(CHECK_EVERY_S)
    raise ProjectionBehind(f"{service} is behind or away")


async def sweep_all(
    store: Store,
    artifacts: Artifacts,
    grace: timedelta,
    needed: Collection[str],
    *,
    dry_run: bool = False,
) -> SweepReport:
    """Delete each unreferenced blob that was last stored longer than ``grace`` ago.

    Args:
        store: documents that were up to date when ``needed`` was collected.
        artifacts: the store to sweep.
        grace: longer than an attempt takes to name what it stored; see `grace_for`.
        needed: blobs that are referenced outside documents.
        dry_run: only count.

    Raises:
        StoreUnavailable, ArtifactsUnavailable: the next sweep continues.
    """
    report = SweepReport()
    async with aclosing(artifacts.list_older(grace)) as stretches:
        async for stretch in stretches:
            report.seen += len(stretch)
            for blob in await _filter(store, stretch, needed):
                if dry_run or await delete_if_old(artifacts, blob.sha256, grace):
                    report.removed += 1
                    report.removed_bytes += blob.size_bytes
    return report


async def _filter(
    store: Store, stretch: Sequence[OldBlob], needed: Collection[str]
) -> list[OldBlob]:
    candidates = [blob.sha256 for blob in stretch if blob.sha256 not in needed]
    unneeded = await store.unreferenced(candidates)
    return [blob for blob in stretch if blob.sha256 in unneeded]
