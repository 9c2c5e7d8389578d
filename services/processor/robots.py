"""robots.txt of each host: what may be fetched, and how slowly. Follows RFC 9309."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from protego import Protego

from eventjob.fetch.caps import PAGE, FetchCaps
from eventjob.fetch.client import FetchFailed, Gate
from services.processor.ports import Fetches

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
        self._clock = clock
        self._caps = caps
        self._kept: OrderedDict[str, tuple[float, Rules]] = OrderedDict()
        self._loading: dict[str, asyncio.Task[Rules]] = {}

    async def rules(self, url: str) -> Rules:
        """What holds for ``url``.

        Raises:
            FetchFailed: nobody can say, for the reason that it names; nothing may be fetched.
        """
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        kept = self._kept.get(origin)
        if kept is not None and kept[0] > self._clock():
            self._kept.move_to_end(origin)
            return kept[1]
        loading = self._loading.get(origin)
        if loading is None:  # the others wait for the same file
            loading = asyncio.create_task(self._load(origin))
            self._loading[origin] = loading
            loading.add_done_callback(lambda task: self._loaded(origin, task))
        return await asyncio.shield(loading)

    def _loaded(self, origin: str, task: asyncio.Task[Rules]) -> None:
        del self._loading[origin]
        if task.cancelled() or task.exception() is not None:
            return
        self._kept[origin] = (self._clock() + KEPT.total_seconds(), task.result())
        self._kept.move_to_end(origin)
        if len(self._kept) > MOST_ORIGINS:
            self._kept.popitem(last=False)

    async def _load(self, origin: str) -> Rules:
        try:
            text = await self._text(f"{origin}/robots.txt")
        except FetchFailed as failure:
            if _is_none(failure):
                return Rules("")
            raise FetchFailed(
                failure.code,
                f"robots.txt of {urlsplit(origin).hostname}: {failure}",
                transient=failure.transient or failure.code.startswith("http_5"),
                retry_after=failure.retry_after,
            ) from failure
        return await asyncio.to_thread(Rules, text)

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
