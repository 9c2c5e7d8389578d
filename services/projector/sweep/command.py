"""``eventjob sweep``: all blobs that nobody refers to, removed or only counted."""

import sys
from contextlib import AsyncExitStack

from eventjob.artifacts.open_artifacts import reach_artifacts
from eventjob.artifacts.store import ArtifactsUnavailable
from eventjob.bus.errors import Unavailable
from eventjob.bus.wire.connection import connect_as
from eventjob.projection.open_store import open_store
from eventjob.projection.store import StoreUnavailable
from eventjob.runtime.lifecycle import CannotStart, Stop
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Settings
from services.projector.sweep.all_blobs import (
    ProjectionBehind,
    SweepReport,
    named_elsewhere,
    sweep_all,
)
from services.projector.sweep.orphans import grace_for

MEGABYTE = 1024 * 1024


async def run(settings: Settings, _stop: Stop, *, dry_run: bool = False) -> None:
    """Sweep once. Interrupted at any moment it leaves nothing half done.

    Raises:
        CannotStart: it could not be done.
        ValueError: a setting is wrong; it is named.
    """
    async with AsyncExitStack() as stack:
        store = open_store(settings.store_url)
        stack.push_async_callback(store.close)
        artifacts = await reach_artifacts(settings.artifacts_url)
        try:
            connection = await connect_as("sweep", settings.nats, get_logger("sweep"))
            stack.push_async_callback(connection.close)
            kept = await named_elsewhere(connection, store)
            grace = grace_for(settings.attempt_timeout)
            swept = await sweep_all(store, artifacts, grace, kept, dry_run=dry_run)
        except (ArtifactsUnavailable, ProjectionBehind, StoreUnavailable, Unavailable) as reason:
            raise CannotStart(f"not swept: {reason}") from reason
    sys.stdout.write(_told(swept, dry_run=dry_run))


def _told(swept: SweepReport, *, dry_run: bool) -> str:
    done = "would remove" if dry_run else "removed"
    size = f"{swept.removed_bytes:,} bytes ({swept.removed_bytes / MEGABYTE:,.1f} MB)"
    return (
        f"{done} {swept.removed:,} blobs, {size}, that nobody refers to; "
        f"{swept.seen - swept.removed:,} others are old enough, and needed\n"
    )
