"""``eventjob rebuild [--check]``: print progress and the result."""

import time
from contextlib import AsyncExitStack

from eventjob.artifacts.open_artifacts import open_artifacts
from eventjob.bus.errors import Poison, Unavailable
from eventjob.bus.wire.connection import connect_as
from eventjob.contracts.base import UNREADABLE
from eventjob.domain.access import Caller
from eventjob.projection.open_store import open_store
from eventjob.projection.store import BatchQuery, JobQuery, Store, StoreUnavailable
from eventjob.retired.whole_log import WholeLog
from eventjob.runtime.command_output import print_line
from eventjob.runtime.lifecycle import CannotStart, Stop
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Settings
from services.projector.apply import AnotherLog
from services.projector.rebuild.check import check
from services.projector.rebuild.rebuild import Interrupted, RebuildProgress, rebuild

PRINT_EVERY_S = 2.0
MAX_LINES = 100  # of differences

_ANYONE = Caller(None, trusted=True)


async def run(settings: Settings, stop: Stop, *, only_check: bool = False) -> None:
    """Rebuild the projection and switch to it, or only compare it with the log.

    Raises:
        CannotStart: it failed, or documents differ; nothing was switched.
        ValueError: a setting is wrong; it is named.
    """
    async with AsyncExitStack() as stack:
        store = open_store(settings.store_url)
        stack.push_async_callback(store.close)
        try:
            connection = await connect_as("rebuild", settings.nats, get_logger("rebuild"))
            stack.push_async_callback(connection.close)
            work = _check if only_check else _rebuild
            # opened lazily: only a retired batch needs the artifacts
            artifacts = open_artifacts(settings.artifacts_url)
            await work(WholeLog(connection, artifacts), store, stop)
        except Interrupted:
            raise CannotStart("interrupted; nothing was switched") from None
        except (AnotherLog, Poison, StoreUnavailable, Unavailable) as reason:
            raise CannotStart(f"{reason}; nothing was switched") from reason
        except UNREADABLE as reason:
            raise CannotStart(f"a stored document is unreadable, so rebuild: {reason}") from reason


async def _rebuild(events: WholeLog, store: Store, stop: Stop) -> None:
    progress = await rebuild(events, store, _ProgressPrinter("rebuild"), stop)
    jobs = (await store.list_jobs(JobQuery(caller=_ANYONE, limit=0))).total
    batches = (await store.list_batches(BatchQuery(caller=_ANYONE, archived=None, limit=0))).total
    print_line(
        f"rebuilt {jobs:,} jobs and {batches:,} batches from {progress.events:,} events in "
        f"{progress.seconds:.1f} s ({_rate(progress):,} a second): switched, readers see them now"
    )


async def _check(events: WholeLog, store: Store, stop: Stop) -> None:
    report = await check(events, store, _ProgressPrinter("check"), stop)
    for line in report.differences[:MAX_LINES]:
        print_line(line)
    if more := report.differences[MAX_LINES:]:
        print_line(f"and {len(more):,} more")
    if report.reflected < report.last:
        print_line(
            f"the documents are behind: they reflect event {report.reflected:,} of "
            f"{report.last:,}; later events were not compared"
        )
    count = len(report.differences)
    result = f"{count:,} difference{'' if count == 1 else 's'}" if count else "no difference"
    compared = f"{report.documents:,} documents with {report.progress.events:,} events"
    print_line(f"compared {compared} in {report.progress.seconds:.1f} s: {result}")
    if count:
        raise CannotStart("the documents differ from the log; `eventjob rebuild` repairs them")


class _ProgressPrinter:
    """Prints the progress every 2 seconds."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._next = time.monotonic() + PRINT_EVERY_S

    def __call__(self, progress: RebuildProgress) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PRINT_EVERY_S
            print_line(
                f"{self._command}: {progress.events:,} events, {_rate(progress):,} a second, "
                f"at {progress.sequence:,} of {progress.last:,}"
            )


def _rate(progress: RebuildProgress) -> int:
    return round(progress.events / max(progress.seconds, 0.001))
