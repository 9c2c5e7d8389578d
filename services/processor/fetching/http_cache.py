"""The HTTP cache of all processors: what was fetched before is fetched again only if it changed.

An answer is kept under the address it was asked at. Redirects are followed each time: a condition
goes along with them, and what confirms another address than that of the kept body confirms nothing.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import IO, Protocol

import msgspec

from eventjob.artifacts.store import ArtifactMissing, Artifacts
from eventjob.contracts.base import UNREADABLE
from eventjob.fetch.body import open_body_file
from eventjob.fetch.client import FetchCaps, FetchResult, Gate
from eventjob.fetch.response_head import parse_url
from services.processor.fetching.freshness import (
    conditions,
    fresh_for,
    kept,
    may_be_kept,
    refreshed,
)
from services.processor.fetching.session_fetcher import Reuse, WebClient

SMALL_BYTES = 64 * 1024  # most pages, and every robots.txt


class CacheBucket(Protocol):
    """Where answers are remembered: `eventjob.bus.buckets.http_cache.HttpCache`."""

    async def read(self, key: str) -> bytes | None:
        """What was written last, if anything."""

    async def write(self, key: str, value: bytes) -> None:
        """Remember ``value``."""

    async def forget(self, key: str) -> None:
        """Remember nothing."""


class CacheEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A remembered answer. A small body lies in it, a large one in the artifact store."""

    final_url: str
    headers: dict[str, str]
    fresh_until: datetime
    sha256: str
    size_bytes: int
    media_type: str
    charset: str | None
    body: bytes | None


_entries = msgspec.msgpack.Decoder(CacheEntry)
_encode = msgspec.msgpack.Encoder().encode


class CachedFetcher:
    """Fetches (`services.processor.fetching.session_fetcher.Fetches`) through what is remembered.

    A large body is stored, or renewed, as an artifact before it is handed out: whoever makes
    something lasting of it must name it in its outcome, or nobody ever removes it.
    """

    def __init__(
        self,
        fetcher: WebClient,
        memory: CacheBucket,
        artifacts: Artifacts,
        clock: Callable[[], datetime],
    ) -> None:
        self._fetcher = fetcher
        self._memory = memory
        self._artifacts = artifacts
        self._clock = clock

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
        """The answer to GET ``url``, status 200; one from memory is as it was the first time.

        Args:
            url: as for `eventjob.fetch.client.Fetcher`, with the other arguments.
            caps: the same.
            gate: the same; not asked where nothing is requested.
            directory: the same.
            accept: the same.
            reuse: "fresh" makes no request for what says that it is still fresh, "checked" always
                asks whether it is the same, "never" fetches it anew.

        Raises:
            FetchFailed: there is no usable answer.
            ArtifactsUnavailable, Unavailable: our own stores are away.
        """
        ask = partial(
            self._fetcher.fetch, url, caps=caps, gate=gate, directory=directory, accept=accept
        )
        address = str(parse_url(url))
        key = hashlib.sha256(address.encode()).hexdigest()
        entry = await self._entry(key)
        keep = partial(self._keep, key, entry)
        if reuse == "never":
            return await keep(await ask(headers={"cache-control": "no-cache"}))
        if entry is None or not await self._is_usable(entry, caps, accept):
            return await keep(await ask())
        is_fresh = entry.fresh_until > self._clock() and entry.final_url == address
        if reuse == "checked" or not is_fresh:
            answer = await ask(headers=conditions(entry.headers))
            if answer.status != HTTPStatus.NOT_MODIFIED:
                return await keep(answer)
            answer.path.unlink()
            if answer.final_url != entry.final_url:
                return await keep(await ask())
            entry = await self._confirm(key, entry, answer)
        path = await self._body(entry, directory)
        return await keep(await ask()) if path is None else _again(url, entry, path)

    async def _entry(self, key: str) -> CacheEntry | None:
        value = await self._memory.read(key)
        try:
            return _entries.decode(value) if value else None
        except UNREADABLE:  # another version has written it
            return None

    async def _is_usable(
        self, entry: CacheEntry, caps: FetchCaps, accept: Callable[[str], bool] | None
    ) -> bool:
        """Whether the body is there, and would be taken if it came now."""
        if entry.size_bytes > caps.max_bytes or not (accept is None or accept(entry.media_type)):
            return False
        if entry.body is not None:
            return True
        try:
            return await self._artifacts.size(entry.sha256) == entry.size_bytes
        except ArtifactMissing:
            return False

    async def _body(self, entry: CacheEntry, directory: Path) -> Path | None:
        """The body in a new file; None where it is lost."""
        try:
            with open_body_file(directory) as file:
                if entry.body is None:
                    await self._restore(entry.sha256, file)
                else:
                    file.write(entry.body)
        except (ArtifactMissing, ValueError):  # swept meanwhile, or corrupt
            return None
        return Path(file.name)

    async def _restore(self, sha256: str, file: IO[bytes]) -> None:
        """Copy the artifact to ``file``, and store it again so that it does not seem abandoned."""
        async for chunk in self._artifacts.stream(sha256):
            file.write(chunk)
        file.flush()
        await self._artifacts.put_file(Path(file.name), sha256)

    async def _confirm(self, key: str, entry: CacheEntry, answer: FetchResult) -> CacheEntry:
        """``entry`` after the 304 ``answer``."""
        headers, now = refreshed(entry.headers, answer.headers), self._clock()
        confirmed = msgspec.structs.replace(
            entry, headers=headers, fresh_until=now + fresh_for(headers, now)
        )
        if may_be_kept(headers, now):
            await self._memory.write(key, _encode(confirmed))
        else:
            await self._memory.forget(key)
        return confirmed

    async def _keep(self, key: str, before: CacheEntry | None, answer: FetchResult) -> FetchResult:
        """``answer`` as it would come from memory, where it is now unless it may not."""
        headers, now = kept(answer.headers), self._clock()
        answer = msgspec.structs.replace(answer, headers=headers)
        if answer.status != HTTPStatus.OK or not may_be_kept(headers, now):
            if before is not None:
                await self._memory.forget(key)
            return answer
        is_small = answer.size_bytes <= SMALL_BYTES
        if not is_small:
            await self._artifacts.put_file(answer.path, answer.sha256)
        entry = CacheEntry(
            final_url=answer.final_url,
            headers=headers,
            fresh_until=now + fresh_for(headers, now),
            sha256=answer.sha256,
            size_bytes=answer.size_bytes,
            media_type=answer.media_type,
            charset=answer.charset,
            body=answer.path.read_bytes() if is_small else None,
        )
        await self._memory.write(key, _encode(entry))
        return msgspec.structs.replace(answer, is_artifact=not is_small)


def _again(url: str, entry: CacheEntry, path: Path) -> FetchResult:
    """What `entry` remembers, as it came the first time."""
    return FetchResult(
        requested_url=url,
        final_url=entry.final_url,
        status=HTTPStatus.OK,
        headers=entry.headers,
        path=path,
        size_bytes=entry.size_bytes,
        sha256=entry.sha256,
        media_type=entry.media_type,
        charset=entry.charset,
        is_artifact=entry.body is None,
    )
