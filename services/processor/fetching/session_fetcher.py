"""What one session fetches: as its job wants it, and remembered for its outcome."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol

from eventjob.fetch.client import FetchCaps, FetchResult, Gate

Reuse = Literal["fresh", "checked", "never"]


class WebClient(Protocol):
    """Asks the web itself: `eventjob.fetch.client.Fetcher`."""

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
        """The answer, or `FetchFailed`."""


class Fetches(Protocol):
    """Fetches from the web or the cache: see `http_cache.CachedFetcher` beside this file."""

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
        """The answer, or `FetchFailed`."""


class SessionFetcher:
    """A session's way to the web; ``artifacts`` are the bodies that were stored on it."""

    def __init__(self, fetcher: Fetches, *, use_cache: bool) -> None:
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
        """The answer, as `services.processor.ports.Fetches` has it."""
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
