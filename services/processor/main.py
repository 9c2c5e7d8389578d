"""The processor as a process: what it is made of, and its life."""

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
from services.processor.fetching.host_limiter import HostLimiter, polite_turns
from services.processor.fetching.http_cache import CachedFetcher
from services.processor.fetching.politeness import Pace
from services.processor.fetching.robots import Robots
from services.processor.fetching.session_fetcher import Fetches
from services.processor.files.attachments import Attachments
from services.processor.files.limits import limits
from services.processor.handlers import SessionHandler
from services.processor.pool.pool import Pool
from services.processor.schedule.schedules import Schedules
from services.processor.session import Sessions

PAGE_PATIENCE = timedelta(minutes=1)  # then the session is put off, and another one begun
FILE_PATIENCE = timedelta(minutes=5)  # for what would have to be fetched again


async def run(settings: Settings, stop: Stop) -> None:
    """Work on sessions until ``stop``.

    Raises:
        ValueError: a setting is wrong; it is named.
        Unavailable: there is no NATS server to begin with.
    """
    log = get_logger("processor")
    artifacts = await reach_artifacts(settings.artifacts_url)
    pool = Pool()
    connection = await connect_as("processor", settings.nats, log)
    try:
        with workspace(settings.data_dir / "work") as folder:
            await pool.open()
            async with (
                _fetching(settings.fetch) as fetcher,
                polite_turns(await open_with_retry(open_hosts, connection, stop, log)) as turns,
            ):
                cached = CachedFetcher(
                    fetcher,
                    await open_with_retry(open_http_cache, connection, stop, log),
                    artifacts,
                    now,
                )
                handler = _handler(
                    settings, folder, pool=pool, fetcher=cached, artifacts=artifacts, turns=turns
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


def _handler(
    settings: Settings,
    folder: Path,
    *,
    pool: Pool,
    fetcher: Fetches,
    artifacts: Artifacts,
    turns: HostLimiter,
) -> SessionHandler:
    pace = Pace(settings.fetch.delay.total_seconds(), settings.fetch.per_host)
    bounds = limits(settings.fetch)
    robots = _robots(settings.fetch, PoliteGate(turns, pace, PAGE_PATIENCE), fetcher, folder)
    gate = PoliteGate(turns, pace, PAGE_PATIENCE, robots)
    caps, clock = bounds.schedule, time.monotonic
    schedules = Schedules(
        fetcher=fetcher, gate=gate, pool=pool, folder=folder, caps=caps, clock=clock
    )
    sessions = Sessions(
        fetcher=fetcher,
        gate=gate,
        schedules=schedules,
        attachments=Attachments(
            gate=PoliteGate(turns, pace, FILE_PATIENCE, robots),
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


def _robots(fetch: Fetch, gate: PoliteGate, fetcher: Fetches, folder: Path) -> Robots | None:
    """The rules of all hosts, unless they are to be ignored."""
    if fetch.robots != "obey":
        return None
    caps = limits(fetch).page
    return Robots(fetcher=fetcher, gate=gate, folder=folder, clock=time.monotonic, caps=caps)


@asynccontextmanager
async def _fetching(fetch: Fetch) -> AsyncIterator[Fetcher]:
    fetcher = Fetcher(
        guard=AddressGuard(parse_allowances(fetch.allow)),
        user_agent=f"eventjob/{version('eventjob')} (+{fetch.contact})",
    )
    try:
        yield fetcher
    finally:
        await fetcher.close()
