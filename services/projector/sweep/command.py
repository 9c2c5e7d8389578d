"""``eventjob sweep``: delete all unreferenced blobs, or only count them."""

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
    find_referenced_elsewhere,
    sweep_all,
)
from services.projector.sweep.orphans import grace_for

MEGABYTE = 1024 * 1024


async def run(settings: Settings, _stop: Stop, *, dry_run: bool = False) -> None:
    """Sweep once; an interruption at any moment is harmless.

    Raises:
        CannotStart: the sweep failed.
        ValueError: a setting is wrong; it is named.
    """
    async with AsyncExitStack() as stack:
        store = open_store(settings.store_url)
        stack.push_async_callback(store.close)
        artifacts = await reach_artifacts(settings.artifacts_url)
        try:
            connection = await connect_as("sweep", settings.nats, get_logger("sweep"))
            stack.push_async_callback(connection.close)
            needed = await find_referenced_elsewhere(connection, store)
            grace = grace_for(settings.attempt_timeout)
            report = await sweep_all(store, artifacts, grace, needed, dry_run=dry_run)
        except (ArtifactsUnavailable, ProjectionBehind, StoreUnavailable, Unavailable) as reason:
            raise CannotStart(f"not swept: {reason}") from reason
    sys.stdout.write(_format_report(report, dry_run=dry_run))


def _format_report(report: SweepReport, *, dry_run: bool) -> str:
    verb = "would remove" if dry_run else "removed"
    size = f"{report.removed_bytes:,} bytes ({report.removed_bytes / MEGABYTE:,.1f} MB)"
    return (
        f"{verb} {report.removed:,} blobs, {size}, without a reference; "
        f"{report.seen - report.removed:,} others are old enough but needed\n"
    )
