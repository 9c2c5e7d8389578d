"""What stands before each request: robots.txt, then the host's turn."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlsplit

import msgspec

from eventjob.fetch.client import FetchFailed
from eventjob.fetch.response_head import parse_retry_after
from services.processor.fetching.host_limiter import HostLimiter, TooLong
from services.processor.fetching.politeness import Pace
from services.processor.fetching.robots import Robots

POSTPONED = "postponed"
PAUSE_UNASKED = timedelta(seconds=10)
_LEAVE_ME_ALONE = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class PoliteGate:
    """A gate (`eventjob.fetch.client.Gate`) that makes a request wait ``patience`` at most."""

    def __init__(
        self, turns: HostLimiter, pace: Pace, patience: timedelta, robots: Robots | None = None
    ) -> None:
        self._turns = turns
        self._pace = pace
        self._patience = patience
        self._robots = robots

    async def before_request(self, url: str) -> None:
        """Returns when ``url`` may be requested.

        Raises:
            FetchFailed: ``disallowed``, or what is wrong with robots.txt; ``postponed``: the turn
                is too far away, and the failure says how far.
            Unavailable: the bus is away.
        """
        pace = self._pace
        if self._robots is not None:
            rules = await self._robots.rules(url)
            if not rules.allow(url):
                raise FetchFailed("disallowed", f"robots.txt of {_host(url)} disallows this page")
            pace = msgspec.structs.replace(pace, delay_s=max(pace.delay_s, rules.delay_s))
        try:
            await self._turns.enter(_host(url), pace, self._patience)
        except TooLong as reason:
            detail = f"{_host(url)} is asked for too much at the moment: {reason}"
            raise FetchFailed(POSTPONED, detail, transient=True, retry_after=reason.wait) from None

    async def on_connected(self, url: str) -> None:
        """Returns when the request may go out, which is later where it took time to connect."""
        await self._turns.send(_host(url))

    async def after_request(self, url: str, status: int, headers: Mapping[str, str]) -> None:
        """Ends the request's turn; heeds what the host asks for."""
        silent_for = None
        if status in _LEAVE_ME_ALONE:
            asked = parse_retry_after(headers, datetime.now(UTC))
            silent_for = PAUSE_UNASKED if asked is None else asked
        await self._turns.leave(_host(url), silent_for)


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".")
