"""What the processor needs of others."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol

from eventjob.fetch.client import FetchCaps, Fetched, Gate

Reuse = Literal["fresh", "checked", "never"]


class Asks(Protocol):
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
    ) -> Fetched:
        """The answer, or `FetchFailed`."""


class Fetches(Protocol):
    """Fetches from the web or from memory: `services.processor.fetching.cache.CachedFetcher`."""

    async def fetch(
        self,
        url: str,
        *,
        caps: FetchCaps,
        gate: Gate,
        directory: Path,
        accept: Callable[[str], bool] | None = None,
        reuse: Reuse = "fresh",
    ) -> Fetched:
        """The answer, or `FetchFailed`."""
