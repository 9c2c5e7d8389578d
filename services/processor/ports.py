"""What the processor needs of others."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from eventjob.fetch.client import FetchCaps, Fetched, Gate


class Fetches(Protocol):
    """Fetches from the web, as `eventjob.fetch.client.Fetcher` does."""

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
