"""``eventjob retire``: the events of batches that were archived long ago leave the log."""

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
from services.projector.retire.retire import Different, NotRetirable, candidates, retire_batch

NO_AGE = "how old? expected --older-than DAYS, or EVENTJOB_RETENTION_DAYS"


class RetireReport(msgspec.Struct):
    """What came of it."""

    batches: int = 0
    events: int = 0
    different: int = 0


async def run(
    settings: Settings, older_than: timedelta | None, stop: Stop, *, dry_run: bool = False
) -> None:
    """File each archived batch that has not changed for so long, or for what the settings say.

    Raises:
        CannotStart: nobody says how long, it could not be done, or documents are not what the
            events say.
        ValueError: a setting is wrong; it is named.
    """
    age = settings.retention if older_than is None else older_than
    if age is None:
        raise CannotStart(NO_AGE, EXIT_WRONG_USE)
    try:
        retired = await _retire(settings, age, stop, dry_run=dry_run)
    except NoAnswer as reason:
        raise CannotStart(f"{reason}: it files the last batch when it is back") from reason
    except (ArtifactsUnavailable, Poison, StoreUnavailable, Unavailable) as reason:
        raise CannotStart(f"{reason}; what is not filed is as it was") from reason
    if dry_run:
        print_line(f"would file {retired.batches:,} batches")
    else:
        print_line(f"filed {retired.batches:,} batches and {retired.events:,} of their events")
    if stop.is_set():
        raise CannotStart("interrupted; what is not filed is as it was")
    if retired.different:
        raise CannotStart("documents are not what the log says; see `eventjob rebuild --check`")


async def _retire(settings: Settings, age: timedelta, stop: Stop, *, dry_run: bool) -> RetireReport:
    retired = RetireReport()
    async with AsyncExitStack() as stack:
        store = open_store(settings.store_url)
        stack.push_async_callback(store.close)
        artifacts = await reach_artifacts(settings.artifacts_url)
        connection = await connect_as("retire", settings.nats, get_logger("retire"))
        stack.push_async_callback(connection.close)
        commands = await stack.enter_async_context(CommandSender(connection, artifacts))
        found = await stack.enter_async_context(aclosing(candidates(store, clock.now() - age)))
        async for batch in found:
            if stop.is_set():
                break
            if dry_run:
                retired.batches += 1
                print_line(f"{batch.batch_id}: unchanged since {batch.updated_at:%Y-%m-%d}")
                continue
            try:
                exported = await retire_batch(
                    batch,
                    connection=connection,
                    store=store,
                    artifacts=artifacts,
                    commands=commands,
                )
            except NotRetirable as reason:
                print_line(f"{batch.batch_id}: left as it is: {reason}")
            except Different as reason:
                retired.different += 1
                print_line(f"{batch.batch_id}: left as it is: {reason}")
            else:
                retired.batches += 1
                retired.events += exported.events
    return retired
