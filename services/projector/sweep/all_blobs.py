"""The blobs that no event ever named: of attempts that came to nothing, or too late.

What documents let go of, the small sweep finds (`services.projector.sweep.orphans`). This one
looks at every blob there is, a stretch at a time, so its memory does not grow with their number.
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
from services.projector.sweep.orphans import remove

FIRST_AFTER_S = 3600.0
EVERY_S = 24 * 3600.0
PATIENCE = timedelta(minutes=1)
LOOK_EVERY_S = 0.5
_QUEUES = (subjects.CMD, subjects.REPORTS)
_NAMING = (
    f"KV_{http_cache.BUCKET}",  # bodies that may be used again
    subjects.PARKED,  # commands and reports that a person may try again
)


class ProjectionBehind(Exception):
    """The documents do not show everything yet, so nobody can say which blobs are needed."""


class SweepReport(msgspec.Struct):
    """What a sweep saw, and what of it went, or would have gone."""

    seen: int = 0
    removed: int = 0
    removed_bytes: int = 0


async def keep_sweeping_all(
    store: Store, artifacts: Artifacts, grace: timedelta, connection: Connection, log: Logger
) -> None:
    """Sweep once a day, for ever; a little later where something is behind or away."""
    pause_s = FIRST_AFTER_S
    while True:
        await asyncio.sleep(pause_s)
        pause_s = FIRST_AFTER_S
        try:
            kept = await named_elsewhere(connection, store)
            swept = await sweep_all(store, artifacts, grace, kept)
        except (ArtifactsUnavailable, ProjectionBehind, StoreUnavailable, Unavailable) as reason:
            log.warning("sweep.ended", reason=str(reason))
        else:
            pause_s = EVERY_S
            log.info("blobs.swept", seen=swept.seen, count=swept.removed, bytes=swept.removed_bytes)


async def named_elsewhere(
    connection: Connection, store: Store, patience: timedelta = PATIENCE
) -> set[str]:
    """What commands, reports and the HTTP cache name, once nothing else is under way.

    Commands and reports that are there now are waited for, then the documents. What comes later
    names blobs that were stored, or stored again, within the grace.

    Raises:
        Behind: it takes too long.
        Unavailable, StoreUnavailable: the bus or the store is away.
    """
    queued = await read_last_sequences(connection, *_QUEUES)
    await _until_not(partial(has_messages_until, connection, queued), "the scheduler", patience)
    last = await EventLog(connection).last_sequence()

    async def is_behind() -> bool:
        return await store.checkpoint() < last

    await _until_not(is_behind, "the projector", patience)
    found = [await find_sha256s(connection, stream) for stream in _NAMING]
    return set().union(*found)


async def _until_not(
    is_behind: Callable[[], Awaitable[bool]], who: str, patience: timedelta
) -> None:
    for _ in range(round(patience.total_seconds() / LOOK_EVERY_S) + 1):
        if not await is_behind():
            return
        await asyncio.sleep(LOOK_EVERY_S)
    raise ProjectionBehind(f"{who} is behind, or away")


async def sweep_all(
    store: Store,
    artifacts: Artifacts,
    grace: timedelta,
    kept: Collection[str],
    *,
    dry_run: bool = False,
) -> SweepReport:
    """Remove each blob that was last stored longer than ``grace`` ago and that nothing names.

    Args:
        store: documents that were up to date when ``kept`` was gathered.
        artifacts: what is looked through.
        grace: longer than an attempt can take to name what it stored; see `sweeper.grace_for`.
        kept: blobs that something else than a document names.
        dry_run: only count.

    Raises:
        StoreUnavailable, ArtifactsUnavailable: the rest waits for the next sweep.
    """
    swept = SweepReport()
    async with aclosing(artifacts.list_older(grace)) as stretches:
        async for stretch in stretches:
            swept.seen += len(stretch)
            for blob in await _needless(store, stretch, kept):
                if dry_run or await remove(artifacts, blob.sha256, grace):
                    swept.removed += 1
                    swept.removed_bytes += blob.size_bytes
    return swept


async def _needless(
    store: Store, stretch: Sequence[OldBlob], kept: Collection[str]
) -> list[OldBlob]:
    unknown = [blob.sha256 for blob in stretch if blob.sha256 not in kept]
    needless = await store.unreferenced(unknown)
    return [blob for blob in stretch if blob.sha256 in needless]
