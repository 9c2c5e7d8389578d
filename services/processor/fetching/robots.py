"""robots.txt of each host: what may be fetched, and how slowly. Follows RFC 9309."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from protego import Protego

from eventjob.fetch.caps import PAGE, FetchCaps
from eventjob.fetch.client import FetchFailed, Gate
from services.processor.fetching.session_fetcher import Fetches
from services.processor.fetching.single_flight import SingleFlight

AGENT = "eventjob"  # the product token that a robots.txt may name
KEPT = timedelta(hours=24)
MOST_ORIGINS = 1000
PARSED_BYTES = 500 * 1024
LONGEST_DELAY_S = 30.0
_UNREACHABLE_4XX = frozenset({"http_408", "http_425", "http_429"})


class Rules:
    """What one robots.txt says to us."""

    def __init__(self, text: str) -> None:
        self._parsed = Protego.parse(text)
        asked_s = self._parsed.crawl_delay(AGENT) or 0.0
        self.delay_s = min(max(asked_s, 0.0), LONGEST_DELAY_S)

    def allow(self, url: str) -> bool:
        """Whether ``url`` may be fetched."""
        return self._parsed.can_fetch(url, AGENT)


class Robots:
    """The rules of all origins, kept for a day.

    Args:
        fetcher: fetches them.
        gate: a polite one, that does not ask for robots.txt itself.
        folder: for the file on its way.
        clock: monotonic seconds.
        caps: of the fetch.
    """

    def __init__(
        self,
        *,
        fetcher: Fetches,
        gate: Gate,
        folder: Path,
        clock: Callable[[], float],
        caps: FetchCaps = PAGE,
    ) -> None:
        self._fetcher = fetcher
        self._gate = gate
        self._folder = folder
        self._caps = caps
        self._known = SingleFlight[Rules](MOST_ORIGINS, clock)

    async def rules(self, url: str) -> Rules:
        """What holds for ``url``.

        Raises:
            FetchFailed: nobody can say, for the reason that it names; nothing may be fetched.
        """
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        return await self._known.get(origin, partial(self._load, origin))

    async def _load(self, origin: str) -> tuple[Rules, timedelta]:
        try:
            text = await self._text(f"{origin}/robots.txt")
        except FetchFailed as failure:
            if _is_none(failure):
                return Rules(""), KEPT
            raise FetchFailed(
                failure.code,
                f"robots.txt of {urlsplit(origin).hostname}: {failure}",
                transient=failure.transient or failure.code.startswith("http_5"),
                retry_after=failure.retry_after,
            ) from failure
        return await asyncio.to_thread(Rules, text), KEPT

    async def _text(self, url: str) -> str:
        fetched = await self._fetcher.fetch(
            url, caps=self._caps, gate=self._gate, directory=self._folder, reuse="checked"
        )
        try:
            with fetched.path.open("rb") as file:
                return file.read(PARSED_BYTES).decode("utf-8-sig", "replace")
        finally:
            fetched.path.unlink()


def _is_none(failure: FetchFailed) -> bool:
    """Whether the host has no robots.txt: then all is allowed (RFC 9309, 2.3.1)."""
    refused = failure.code.startswith("http_4") and failure.code not in _UNREACHABLE_4XX
    return refused or failure.code == "redirect_loop"
