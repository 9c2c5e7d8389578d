"""Shared HTTP cache (RFC 9111) around the fetcher, for all processors.

An entry lies under the requested URL. Redirects are followed each time, with the
condition; a 304 from another URL than the stored body's confirms nothing.
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
from eventjob.fetch.bounded_body import open_body_file
from eventjob.fetch.client import FetchCaps, FetchResult, Gate
from eventjob.fetch.response_head import parse_url
from services.processor.fetching.freshness import (
    conditional_headers,
    is_cacheable,
    remaining_lifetime,
    select_headers,
    update_headers,
)
from services.processor.fetching.session_fetcher import Reuse, WebClient

SMALL_BYTES = 64 * 1024  # most pages, and every robots.txt


class CacheBucket(Protocol):
    """The key-value store: `eventjob.bus.buckets.http_cache.HttpCache`."""

    async def read(self, key: str) -> bytes | None:
        """Return the last value written, if any."""

    async def write(self, key: str, value: bytes) -> None:
        """Store ``value``."""

    async def delete(self, key: str) -> None:
        """Delete the value."""


class CacheEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A stored response; a small body lies in it, a large one in the artifact store."""

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
    """A `services.processor.fetching.session_fetcher.PageSource` that caches.

    A large body is stored, or stored again, as an artifact before it is returned. The caller
    must name it in its outcome, else the sweep deletes it.
    """

    def __init__(
        self,
        fetcher: WebClient,
        bucket: CacheBucket,
        artifacts: Artifacts,
        clock: Callable[[], datetime],
    ) -> None:
        self._fetcher = fetcher
        self._bucket = bucket
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
        """GET ``url`` and return the response, status 200; a cached one equals the original.

        Args:
            url: as for `eventjob.fetch.client.Fetcher`, with the other arguments.
            caps: the same.
            gate: the same; skipped if no request is made.
            directory: the same.
            accept: the same.
            reuse: "fresh" uses fresh entries without a request, "checked" always revalidates,
                "never" fetches anew.

        Raises:
            FetchFailed: no usable response.
            ArtifactsUnavailable, Unavailable: our own stores are away.
        """
        request = partial(
            self._fetcher.fetch, url, caps=caps, gate=gate, directory=directory, accept=accept
        )
        address = str(parse_url(url))
        key = hashlib.sha256(address.encode()).hexdigest()
        entry = await self._read_entry(key)
        store = partial(self._store, key, entry)
        if reuse == "never":
            return await store(await request(headers={"cache-control": "no-cache"}))
        if entry is None or not await self._is_usable(entry, caps, accept):
            return await store(await request())
        # A redirect may lead elsewhere by now, so only direct hits are fresh.
        is_fresh = entry.fresh_until > self._clock() and entry.final_url == address
        if reuse == "checked" or not is_fresh:
            result = await request(headers=conditional_headers(entry.headers))
            if result.status != HTTPStatus.NOT_MODIFIED:
                return await store(result)
            result.path.unlink()
            if result.final_url != entry.final_url:  # another page says that it is unchanged
                return await store(await request())
            entry = await self._confirm(key, entry, result)
        path = await self._write_body(entry, directory)
        return await store(await request()) if path is None else _to_result(url, entry, path)

    async def _read_entry(self, key: str) -> CacheEntry | None:
        value = await self._bucket.read(key)
        try:
            return _entries.decode(value) if value else None
        except UNREADABLE:  # written by another version
            return None

    async def _is_usable(
        self, entry: CacheEntry, caps: FetchCaps, accept: Callable[[str], bool] | None
    ) -> bool:
        """True if the body exists and the caller would accept it."""
        if entry.size_bytes > caps.max_bytes or not (accept is None or accept(entry.media_type)):
            return False
        if entry.body is not None:
            return True
        try:
            return await self._artifacts.size(entry.sha256) == entry.size_bytes
        except ArtifactMissing:
            return False

    async def _write_body(self, entry: CacheEntry, directory: Path) -> Path | None:
        """Write the body to a new file, if it still exists."""
        try:
            with open_body_file(directory) as file:
                if entry.body is None:
                    await self._copy_artifact(entry.sha256, file)
                else:
                    file.write(entry.body)
        except (ArtifactMissing, ValueError):  # swept meanwhile, or corrupt: fetch it anew
            return None
        return Path(file.name)

    async def _copy_artifact(self, sha256: str, file: IO[bytes]) -> None:
        """Copy the artifact to ``file``, and store it again so that the sweep spares it."""
        async for chunk in self._artifacts.stream(sha256):
            file.write(chunk)
        file.flush()
        await self._artifacts.put_file(Path(file.name), sha256)

    async def _confirm(self, key: str, entry: CacheEntry, result: FetchResult) -> CacheEntry:
        """Renew ``entry`` after a 304."""
        headers, now = update_headers(entry.headers, result.headers), self._clock()
        confirmed = msgspec.structs.replace(
            entry, headers=headers, fresh_until=now + remaining_lifetime(headers, now)
        )
        if is_cacheable(headers, now):
            await self._bucket.write(key, _encode(confirmed))
        else:
            await self._bucket.delete(key)
        return confirmed

    async def _store(self, key: str, old: CacheEntry | None, result: FetchResult) -> FetchResult:
        """Store the response if it may be cached, and return it as the cache would."""
        headers, now = select_headers(result.headers), self._clock()
        result = msgspec.structs.replace(result, headers=headers)
        if result.status != HTTPStatus.OK or not is_cacheable(headers, now):
            if old is not None:
                await self._bucket.delete(key)
            return result
        is_small = result.size_bytes <= SMALL_BYTES
        if not is_small:
            await self._artifacts.put_file(result.path, result.sha256)
        entry = CacheEntry(
            final_url=result.final_url,
            headers=headers,
            fresh_until=now + remaining_lifetime(headers, now),
            sha256=result.sha256,
            size_bytes=result.size_bytes,
            media_type=result.media_type,
            charset=result.charset,
            body=result.path.read_bytes() if is_small else None,
        )
        await self._bucket.write(key, _encode(entry))
        return msgspec.structs.replace(result, is_artifact=not is_small)


def _to_result(url: str, entry: CacheEntry, path: Path) -> FetchResult:
    """Return the entry as the response that it was."""
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
