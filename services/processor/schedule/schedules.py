"""Fetch and read each conference's schedule once, for all its sessions."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import msgspec

from eventjob.fetch.client import FetchCaps, FetchFailed, FetchResult, Gate
from services.processor.extract.facts import Facts
from services.processor.fetching.gate import POSTPONED
from services.processor.fetching.session_fetcher import PageSource, Reuse
from services.processor.fetching.single_flight import SingleFlight
from services.processor.pool.pool import Pool, TaskFailed, TaskTimeout
from services.processor.schedule.matching import ScheduleIndex, SessionQuery
from services.processor.schedule.read import read_schedule

CACHE_TIME = timedelta(minutes=10)  # reading FOSDEM's takes 2 s of processor time
FAILURE_CACHE_TIME = timedelta(seconds=30)  # it may be there the next time
MAX_SCHEDULES = 8  # each takes some megabytes


class ScheduleMatch(msgspec.Struct, frozen=True, kw_only=True):
    """What a schedule says of a session, and warnings."""

    facts: Facts | None = None
    sources: tuple[str, ...] = ()  # artifacts it was read from
    warnings: tuple[str, ...] = ()


class _LoadedSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule's index, or the reason for its absence."""

    index: ScheduleIndex | None = None
    sources: tuple[str, ...] = ()
    warning: str | None = None


class Schedules:
    """Looks sessions up in schedules.

    Args:
        fetcher: fetches schedules.
        gate: a polite one.
        pool: reads them.
        folder: for temporary files.
        caps: of the fetch.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        fetcher: PageSource,
        gate: Gate,
        pool: Pool,
        folder: Path,
        caps: FetchCaps,
        clock: Callable[[], float],
    ) -> None:
        self._fetcher = fetcher
        self._gate = gate
        self._pool = pool
        self._folder = folder
        self._caps = caps
        self._schedules = SingleFlight[_LoadedSchedule](MAX_SCHEDULES, clock)

    async def look_up(self, address: str, query: SessionQuery, reuse: Reuse) -> ScheduleMatch:
        """Return what the schedule at ``address`` says of a session, or a warning.

        Raises:
            FetchFailed: ``postponed``: the host wants a later request.
            Unavailable, ArtifactsUnavailable: our own stores are away.
        """
        loaded = await self._schedules.get(address, partial(self._load, address, reuse))
        if loaded.index is None:
            return ScheduleMatch(warnings=(loaded.warning or "",))
        facts = loaded.index.find(query)
        if facts is None:
            return ScheduleMatch(warnings=(f"schedule_without_session: {address}",))
        return ScheduleMatch(facts=facts, sources=loaded.sources)

    async def _load(self, address: str, reuse: Reuse) -> tuple[_LoadedSchedule, timedelta]:
        try:
            fetched = await self._fetcher.fetch(
                address, caps=self._caps, gate=self._gate, directory=self._folder, reuse=reuse
            )
        except FetchFailed as failure:
            if failure.code == POSTPONED:  # the session can wait for its schedule
                raise
            warning = f"schedule_unavailable: {address}: {failure.code}: {failure}"
            cache_time = FAILURE_CACHE_TIME if failure.transient else CACHE_TIME
            return _LoadedSchedule(warning=warning), cache_time
        try:
            return await self._read(address, fetched), CACHE_TIME
        finally:
            fetched.path.unlink()

    async def _read(self, address: str, fetched: FetchResult) -> _LoadedSchedule:
        try:
            entries = await self._pool.run(read_schedule, fetched.path, fetched.final_url)
        except (TaskFailed, TaskTimeout) as reason:
            return _LoadedSchedule(warning=f"schedule_unreadable: {address}: {reason}")
        sources = (fetched.sha256,) if fetched.is_artifact else ()
        return _LoadedSchedule(index=ScheduleIndex(entries), sources=sources)
