"""The processor process: wiring and run."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from eventjob.artifacts.open_artifacts import reach_artifacts
from eventjob.artifacts.store import Artifacts
from eventjob.bus.buckets.hosts import open_hosts
from eventjob.bus.buckets.http_cache import open_http_cache
from eventjob.bus.roles.worker import Worker
from eventjob.bus.streams.ensure import open_with_retry
from eventjob.bus.wire.connection import connect_as
from eventjob.fetch.addresses import AddressGuard, parse_allowances
from eventjob.fetch.client import Fetcher
from eventjob.runtime.clock import now
from eventjob.runtime.lifecycle import Stop
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Fetch, Settings
from eventjob.runtime.workspace import workspace
from services.processor.fetching.gate import PoliteGate
from services.processor.fetching.host_limiter import HostLimiter, open_limiter
from services.processor.fetching.host_slots import Pace
from services.processor.fetching.http_cache import CachedFetcher
from services.processor.fetching.robots import Robots
from services.processor.fetching.session_fetcher import PageSource
from services.processor.files.attachments import Attachments
from services.processor.files.limits import limits_from_settings
from services.processor.handlers import SessionHandler
from services.processor.pool.pool import Pool
from services.processor.schedule.schedules import Schedules
from services.processor.session import SessionBuilder

PAGE_WAIT = timedelta(minutes=1)  # then another session is begun instead
FILE_WAIT = timedelta(minutes=5)  # longer: giving up would waste the page and files so far


async def run(settings: Settings, stop: Stop) -> None:
    """Process sessions until ``stop``.

    Raises:
        ValueError: names the wrong setting.
        Unavailable: NATS cannot be reached at the start.
    """
    log = get_logger("processor")
    artifacts = await reach_artifacts(settings.artifacts_url)
    pool = Pool()
    connection = await connect_as("processor", settings.nats, log)
    try:
        with workspace(settings.data_dir / "work") as folder:
            await pool.open()
            async with (
                _open_fetcher(settings.fetch) as fetcher,
                open_limiter(await open_with_retry(open_hosts, connection, stop, log)) as limiter,
            ):
                cached = CachedFetcher(
                    fetcher,
                    await open_with_retry(open_http_cache, connection, stop, log),
                    artifacts,
                    now,
                )
                handler = _build_handler(
                    settings, folder, limiter, pool=pool, fetcher=cached, artifacts=artifacts
                )
                worker = Worker(
                    connection,
                    name=f"processor-{uuid4().hex[:8]}",
                    kind="fetch",
                    capacity=settings.concurrency,
                    handler=handler,
                    log=log,
                )
                await worker.run(stop)
    finally:
        pool.close()
        await connection.close()


def _build_handler(
    settings: Settings,
    folder: Path,
    limiter: HostLimiter,
    *,
    pool: Pool,
    fetcher: PageSource,
    artifacts: Artifacts,
) -> SessionHandler:
    pace = Pace(settings.fetch.delay.total_seconds(), settings.fetch.per_host)
    bounds = limits_from_settings(settings.fetch)
    own_gate = PoliteGate(limiter, pace, PAGE_WAIT)  # robots.txt itself is fetched politely, too
    robots = _build_robots(settings.fetch, own_gate, fetcher, folder)
    gate = PoliteGate(limiter, pace, PAGE_WAIT, robots)
    caps, clock = bounds.schedule, time.monotonic
    schedules = Schedules(
        fetcher=fetcher, gate=gate, pool=pool, folder=folder, caps=caps, clock=clock
    )
    sessions = SessionBuilder(
        fetcher=fetcher,
        gate=gate,
        schedules=schedules,
        attachments=Attachments(
            gate=PoliteGate(limiter, pace, FILE_WAIT, robots),
            limits=bounds,
            artifacts=artifacts,
            pool=pool,
        ),
        artifacts=artifacts,
        pool=pool,
        limits=bounds,
        clock=now,
    )
    return SessionHandler(
        sessions=sessions,
        folder=folder,
        min_free_bytes=settings.min_free_bytes,
        clock=now,
        log=get_logger("processor"),
    )


def _build_robots(
    fetch: Fetch, gate: PoliteGate, fetcher: PageSource, folder: Path
) -> Robots | None:
    """Build the robots.txt rules, unless the settings ignore them."""
    if fetch.robots != "obey":
        return None
    caps = limits_from_settings(fetch).page
    return Robots(fetcher=fetcher, gate=gate, folder=folder, clock=time.monotonic, caps=caps)


@asynccontextmanager
async def _open_fetcher(fetch: Fetch) -> AsyncIterator[Fetcher]:
    fetcher = Fetcher(
        guard=AddressGuard(parse_allowances(fetch.allow)),
        user_agent=f"eventjob/{version('eventjob')} (+{fetch.contact})",
    )
    try:
        yield fetcher
    finally:
        await fetcher.close()
