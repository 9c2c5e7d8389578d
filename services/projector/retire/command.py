"""``eventjob retire``: move the events of batches archived long ago into exports."""

from contextlib import AsyncExitStack, aclosing
from datetime import timedelta

import msgspec

from eventjob.artifacts.open_artifacts import reach_artifacts
from eventjob.artifacts.store import ArtifactsUnavailable
from eventjob.bus.errors import NoAnswer, Poison, Unavailable
from eventjob.bus.roles.commands import CommandSender
from eventjob.bus.wire.connection import connect_as
from eventjob.projection.open_store import open_store
from eventjob.projection.store import StoreUnavailable
from eventjob.runtime import clock
from eventjob.runtime.command_output import print_line
from eventjob.runtime.lifecycle import EXIT_WRONG_USE, CannotStart, Stop
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Settings
from services.projector.retire.retire import (
    Mismatch,
    NotRetirable,
    candidates,
    retire_batch,
)

AGE_MISSING = "how old? expected --older-than DAYS, or EVENTJOB_RETENTION_DAYS"


class RetireReport(msgspec.Struct):
    """The counts of one run."""

    batches: int = 0
    events: int = 0
    different: int = 0


async def run(
    settings: Settings, older_than: timedelta | None, stop: Stop, *, dry_run: bool = False
) -> None:
    """Retire each archived batch unchanged for ``older_than``, by default the retention setting.

    Raises:
        CannotStart: no age is given, the run failed, or documents differ from the events.
        ValueError: a setting is wrong; it is named.
    """
    age = settings.retention if older_than is None else older_than
    if age is None:
        raise CannotStart(AGE_MISSING, EXIT_WRONG_USE)
    try:
        retired = await _retire(settings, age, stop, dry_run=dry_run)
    except NoAnswer as reason:
        raise CannotStart(f"{reason}: it retires the last batch once it is back") from reason
    except (ArtifactsUnavailable, Poison, StoreUnavailable, Unavailable) as reason:
        raise CannotStart(f"{reason}; the other batches are unchanged") from reason
    if dry_run:
        print_line(f"would retire {retired.batches:,} batches")
    else:
        print_line(f"retired {retired.batches:,} batches and {retired.events:,} of their events")
    if stop.is_set():
        raise CannotStart("interrupted; the other batches are unchanged")
    if retired.different:
        raise CannotStart("documents differ from the log; see `eventjob rebuild --check`")


async def _retire(settings: Settings, age: timedelta, stop: Stop, *, dry_run: bool) -> RetireReport:
    retired = RetireReport()
    async with AsyncExitStack() as stack:
        store = open_store(settings.store_url)
        stack.push_async_callback(store.close)
        artifacts = await reach_artifacts(settings.artifacts_url)
        connection = await connect_as("retire", settings.nats, get_logger("retire"))
        stack.push_async_callback(connection.close)
        commands = await stack.enter_async_context(CommandSender(connection, artifacts))
        batches = await stack.enter_async_context(aclosing(candidates(store, clock.now() - age)))
        async for batch in batches:
            if stop.is_set():
                break
            if dry_run:
                retired.batches += 1
                print_line(f"{batch.batch_id}: unchanged since {batch.updated_at:%Y-%m-%d}")
                continue
            try:
                export = await retire_batch(
                    batch,
                    connection=connection,
                    store=store,
                    artifacts=artifacts,
                    commands=commands,
                )
            except NotRetirable as reason:
                print_line(f"{batch.batch_id}: not retired: {reason}")
            except Mismatch as reason:
                retired.different += 1
                print_line(f"{batch.batch_id}: not retired: {reason}")
            else:
                retired.batches += 1
                retired.events += export.events
    return retired
