"""Fetch and apply robots.txt for each host. Follows RFC 9309."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from protego import Protego

from eventjob.fetch.caps import PAGE, FetchCaps
from eventjob.fetch.client import FetchFailed, Gate
from services.processor.fetching.session_fetcher import PageSource
from services.processor.fetching.single_flight import SingleFlight

AGENT = "eventjob"  # the product token that a robots.txt may name
CACHE_TIME = timedelta(hours=24)  # RFC 9309, 2.4: not longer
MAX_ORIGINS = 1000
PARSED_BYTES = 500 * 1024  # RFC 9309, 2.5: at least this much
MAX_DELAY_S = 30.0  # a larger Crawl-delay would stop the conference
_UNREACHABLE_4XX = frozenset({"http_408", "http_425", "http_429"})


class Rules:
    """The rules of one robots.txt for `AGENT`."""

    def __init__(self, text: str) -> None:
        self._parsed = Protego.parse(text)
        delay_s = self._parsed.crawl_delay(AGENT) or 0.0
        self.delay_s = min(max(delay_s, 0.0), MAX_DELAY_S)

    def allow(self, url: str) -> bool:
        """True if ``url`` may be fetched."""
        return self._parsed.can_fetch(url, AGENT)


class Robots:
    """The rules of all origins, cached for a day.

    Args:
        fetcher: fetches robots.txt.
        gate: polite, without robots.txt rules itself.
        folder: for temporary files.
        clock: monotonic seconds.
        caps: of the fetch.
    """

    def __init__(
        self,
        *,
        fetcher: PageSource,
        gate: Gate,
        folder: Path,
        clock: Callable[[], float],
        caps: FetchCaps = PAGE,
    ) -> None:
        self._fetcher = fetcher
        self._gate = gate
        self._folder = folder
        self._caps = caps
        self._rules = SingleFlight[Rules](MAX_ORIGINS, clock)

    async def rules(self, url: str) -> Rules:
        """Return the rules for ``url``.

        Raises:
            FetchFailed: robots.txt is unreachable, so the whole origin must be left alone.
        """
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        return await self._rules.get(origin, partial(self._load, origin))

    async def _load(self, origin: str) -> tuple[Rules, timedelta]:
        try:
            text = await self._fetch_text(f"{origin}/robots.txt")
        except FetchFailed as failure:
            if _is_missing(failure):
                return Rules(""), CACHE_TIME
            raise FetchFailed(
                failure.code,
                f"robots.txt of {urlsplit(origin).hostname}: {failure}",
                transient=failure.transient or failure.code.startswith("http_5"),
                retry_after=failure.retry_after,
            ) from failure
        return await asyncio.to_thread(Rules, text), CACHE_TIME  # parsing 500 KB takes long

    async def _fetch_text(self, url: str) -> str:
        fetched = await self._fetcher.fetch(
            url, caps=self._caps, gate=self._gate, directory=self._folder, reuse="checked"
        )
        try:
            with fetched.path.open("rb") as file:
                return file.read(PARSED_BYTES).decode("utf-8-sig", "replace")
        finally:
            fetched.path.unlink()


def _is_missing(failure: FetchFailed) -> bool:
    """True if the host has no robots.txt, so that everything is allowed (RFC 9309, 2.3.1)."""
    refused = failure.code.startswith("http_4") and failure.code not in _UNREACHABLE_4XX
    return refused or failure.code == "redirect_loop"
