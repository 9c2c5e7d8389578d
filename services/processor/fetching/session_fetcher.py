"""Fetch port, and one session's fetcher, which records the artifacts used."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol

from eventjob.fetch.client import FetchCaps, FetchResult, Gate

Reuse = Literal["fresh", "checked", "never"]


class WebClient(Protocol):
    """Sends requests to the web: `eventjob.fetch.client.Fetcher`."""

    async def fetch(
        self,
        url: str,
        *,
        caps: FetchCaps,
        gate: Gate,
        directory: Path,
        accept: Callable[[str], bool] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> FetchResult:
        """Return the response, or raise `FetchFailed`."""


class PageSource(Protocol):
    """Fetches from the web or the cache: `services.processor.fetching.http_cache.CachedFetcher`."""

    async def fetch(
        self,
        url: str,
        *,
        caps: FetchCaps,
        gate: Gate,
        directory: Path,
        accept: Callable[[str], bool] | None = None,
        reuse: Reuse = "fresh",
    ) -> FetchResult:
        """Return the response, or raise `FetchFailed`."""


class SessionFetcher:
    """Fetches for one session, and records in ``artifacts`` the bodies that are stored."""

    def __init__(self, fetcher: PageSource, *, use_cache: bool) -> None:
        self.artifacts: set[str] = set()
        self.reuse: Reuse = "fresh" if use_cache else "never"
        self._fetcher = fetcher

    async def fetch(
        self,
        url: str,
        *,
        caps: FetchCaps,
        gate: Gate,
        directory: Path,
        accept: Callable[[str], bool] | None = None,
    ) -> FetchResult:
        """Return the response, or raise `FetchFailed`."""
        fetched = await self._fetcher.fetch(
            url,
            caps=caps,
            gate=gate,
            directory=directory,
            accept=accept,
            reuse=self.reuse,
        )
        if fetched.is_artifact:
            self.artifacts.add(fetched.sha256)
        return fetched
