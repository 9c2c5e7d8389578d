"""Gate before each request: robots.txt, then the host's rate limit."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlsplit

import msgspec

from eventjob.fetch.client import FetchFailed
from eventjob.fetch.response_head import parse_retry_after
from services.processor.fetching.host_limiter import HostLimiter, WaitTooLong
from services.processor.fetching.host_slots import Pace
from services.processor.fetching.robots import Robots

POSTPONED = "postponed"
DEFAULT_PAUSE = timedelta(seconds=10)  # after 429 or 503 without Retry-After
_BACK_OFF = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class PoliteGate:
    """A gate (`eventjob.fetch.client.Gate`) that makes a request wait at most ``max_wait``."""

    def __init__(
        self, limiter: HostLimiter, pace: Pace, max_wait: timedelta, robots: Robots | None = None
    ) -> None:
        self._limiter = limiter
        self._pace = pace
        self._max_wait = max_wait
        self._robots = robots

    async def before_request(self, url: str) -> None:
        """Wait until ``url`` may be requested.

        Raises:
            FetchFailed: ``disallowed``, or robots.txt is unreadable; ``postponed`` if the wait is
                too long, with the time to wait.
            Unavailable: the bus is away.
        """
        pace = self._pace
        if self._robots is not None:
            rules = await self._robots.rules(url)  # fetched through a gate of its own
            if not rules.allow(url):
                raise FetchFailed("disallowed", f"robots.txt of {_host(url)} disallows this page")
            pace = msgspec.structs.replace(pace, delay_s=max(pace.delay_s, rules.delay_s))
        try:
            await self._limiter.acquire(_host(url), pace, self._max_wait)
        except WaitTooLong as reason:
            detail = f"{_host(url)} is busy: {reason}"
            raise FetchFailed(POSTPONED, detail, transient=True, retry_after=reason.wait) from None

    async def on_connected(self, url: str) -> None:
        """Wait until the request may go out. That is later than planned if connecting took long."""
        await self._limiter.start_sending(_host(url))

    async def after_request(self, url: str, status: int, headers: Mapping[str, str]) -> None:
        """Release the slot, and share the pause that the host asks for."""
        pause = None
        if status in _BACK_OFF:
            requested = parse_retry_after(headers, datetime.now(UTC))
            pause = DEFAULT_PAUSE if requested is None else requested
        await self._limiter.release(_host(url), pause)


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".")
