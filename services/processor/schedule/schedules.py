"""The schedules of conferences: each is fetched and read once, however many sessions ask for it."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import msgspec

from eventjob.fetch.client import FetchCaps, FetchFailed, FetchResult, Gate
from services.processor.extract.facts import Facts
from services.processor.fetching.gate import POSTPONED
from services.processor.fetching.session_fetcher import Fetches, Reuse
from services.processor.fetching.single_flight import SingleFlight
from services.processor.pool.pool import Broke, Pool, TookTooLong
from services.processor.schedule.matching import ScheduleIndex, SessionQuery
from services.processor.schedule.read import read_schedule

KEPT = timedelta(minutes=10)
KEPT_MISSING = timedelta(seconds=30)  # what may be there the next time
MOST_KEPT = 8  # some megabytes each


class ScheduleMatch(msgspec.Struct, frozen=True, kw_only=True):
    """What a schedule says of a session, and what is worth a warning."""

    facts: Facts | None = None
    sources: tuple[str, ...] = ()  # artifacts that it was read from
    warnings: tuple[str, ...] = ()


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule that was read, or the reason why it could not be."""

    index: ScheduleIndex | None = None
    sources: tuple[str, ...] = ()
    warning: str | None = None


class Schedules:
    """Looks sessions up in schedules.

    Args:
        fetcher: fetches them.
        gate: a polite one.
        pool: reads them.
        folder: for files on their way.
        caps: of the fetch.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        fetcher: Fetches,
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
        self._known = SingleFlight[_Known](MOST_KEPT, clock)

    async def look_up(self, address: str, wish: SessionQuery, reuse: Reuse) -> ScheduleMatch:
        """What the schedule at ``address`` says of a session; a warning where there is none.

        Raises:
            FetchFailed: ``postponed``: its host is to be asked later.
            Unavailable, ArtifactsUnavailable: our own stores are away.
        """
        known = await self._known.get(address, partial(self._load, address, reuse))
        if known.index is None:
            return ScheduleMatch(warnings=(known.warning or "",))
        facts = known.index.find(wish)
        if facts is None:
            return ScheduleMatch(warnings=(f"schedule_without_session: {address}",))
        return ScheduleMatch(facts=facts, sources=known.sources)

    async def _load(self, address: str, reuse: Reuse) -> tuple[_Known, timedelta]:
        try:
            fetched = await self._fetcher.fetch(
                address, caps=self._caps, gate=self._gate, directory=self._folder, reuse=reuse
            )
        except FetchFailed as failure:
            if failure.code == POSTPONED:
                raise
            warning = f"schedule_unavailable: {address}: {failure.code}: {failure}"
            return _Known(warning=warning), KEPT_MISSING if failure.transient else KEPT
        try:
            return await self._read(address, fetched), KEPT
        finally:
            fetched.path.unlink()

    async def _read(self, address: str, fetched: FetchResult) -> _Known:
        try:
            entries = await self._pool.run(read_schedule, fetched.path, fetched.final_url)
        except (Broke, TookTooLong) as reason:
            return _Known(warning=f"schedule_unreadable: {address}: {reason}")
        sources = (fetched.sha256,) if fetched.is_artifact else ()
        return _Known(index=ScheduleIndex(entries), sources=sources)
