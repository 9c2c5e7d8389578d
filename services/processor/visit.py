"""What one session fetches: as its job wants it, and remembered for its outcome."""

from collections.abc import Callable
from pathlib import Path

from eventjob.fetch.client import FetchCaps, Fetched, Gate
from services.processor.ports import Fetches


class Visit:
    """A session's way to the web; ``artifacts`` are the bodies that were stored on it."""

    def __init__(self, fetcher: Fetches, *, use_cache: bool) -> None:
        self.artifacts: set[str] = set()
        self._fetcher = fetcher
        self._use_cache = use_cache

    async def fetch(
        self,
        url: str,
        *,
        caps: FetchCaps,
        gate: Gate,
        directory: Path,
        accept: Callable[[str], bool] | None = None,
    ) -> Fetched:
        """The answer, as `services.processor.ports.Fetches` has it."""
        fetched = await self._fetcher.fetch(
            url,
            caps=caps,
            gate=gate,
            directory=directory,
            accept=accept,
            reuse="fresh" if self._use_cache else "never",
        )
        if fetched.is_artifact:
            self.artifacts.add(fetched.sha256)
        return fetched
