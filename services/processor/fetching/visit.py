"""What one session fetches: as its job wants it, and remembered for its outcome."""

from collections.abc import Callable
from pathlib import Path

from eventjob.fetch.client import FetchCaps, Fetched, Gate
from services.processor.ports import Fetches, Reuse


class Visit:
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
    ) -> Fetched:
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
