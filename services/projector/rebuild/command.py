"""A rebuild, or a check, as a process: it says how far it is, and what came of it."""

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

SAY_EVERY_S = 2.0
MOST_LINES = 100  # of differences

_ANYONE = Caller(None, trusted=True)


async def run(settings: Settings, stop: Stop, *, only_check: bool = False) -> None:
    """Build the projection anew and switch to it, or only compare.

    Raises:
        CannotStart: it could not be done, or there are differences; nothing was switched.
        ValueError: a setting is wrong; it is named.
    """
    async with AsyncExitStack() as stack:
        store = open_store(settings.store_url)
        stack.push_async_callback(store.close)
        try:
            connection = await connect_as("rebuild", settings.nats, get_logger("rebuild"))
            stack.push_async_callback(connection.close)
            work = _check if only_check else _rebuild
            artifacts = open_artifacts(settings.artifacts_url)
            await work(WholeLog(connection, artifacts), store, stop)
        except Interrupted:
            raise CannotStart("interrupted; nothing was switched") from None
        except (AnotherLog, Poison, StoreUnavailable, Unavailable) as reason:
            raise CannotStart(f"{reason}; nothing was switched") from reason
        except UNREADABLE as reason:
            raise CannotStart(f"a document cannot be read, rebuild: {reason}") from reason


async def _rebuild(events: WholeLog, store: Store, stop: Stop) -> None:
    done = await rebuild(events, store, _Voice("rebuild"), stop)
    jobs = (await store.list_jobs(JobQuery(caller=_ANYONE, limit=0))).total
    batches = (await store.list_batches(BatchQuery(caller=_ANYONE, archived=None, limit=0))).total
    print_line(
        f"rebuilt {jobs:,} jobs and {batches:,} batches from {done.events:,} events in "
        f"{done.seconds:.1f} s ({_rate(done):,} a second): switched, readers see them from now on"
    )


async def _check(events: WholeLog, store: Store, stop: Stop) -> None:
    report = await check(events, store, _Voice("check"), stop)
    for line in report.differences[:MOST_LINES]:
        print_line(line)
    if more := report.differences[MOST_LINES:]:
        print_line(f"and {len(more):,} more")
    if report.reflected < report.last:
        print_line(
            f"the documents are behind: they reflect event {report.reflected:,} of "
            f"{report.last:,}, and what follows was not compared"
        )
    count = len(report.differences)
    found = f"{count:,} difference{'' if count == 1 else 's'}" if count else "no difference"
    said = f"{report.documents:,} documents with {report.progress.events:,} events"
    print_line(f"compared {said} in {report.progress.seconds:.1f} s: {found}")
    if count:
        raise CannotStart("the documents are not what the log says; `eventjob rebuild` mends that")


class _Voice:
    """Says every now and then how far it is."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._next = time.monotonic() + SAY_EVERY_S

    def __call__(self, progress: RebuildProgress) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + SAY_EVERY_S
            print_line(
                f"{self._what}: {progress.events:,} events, {_rate(progress):,} a second, "
                f"at {progress.sequence:,} of {progress.last:,}"
            )


def _rate(progress: RebuildProgress) -> int:
    return round(progress.events / max(progress.seconds, 0.001))
