"""The guarded fetch: one address, through every wall, into one file."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

import httpx2
import msgspec

from eventjob.fetch.addresses import AddressGuard
from eventjob.fetch.answers import check_status, declared_type, parsed, redirect_target
from eventjob.fetch.body import store, too_large
from eventjob.fetch.caps import FILE, IMAGE, PAGE, FetchCaps
from eventjob.fetch.errors import FetchFailed
from eventjob.fetch.resolver import Resolver, system_resolver
from eventjob.fetch.transport import GuardedTransport

__all__ = ["FILE", "IMAGE", "PAGE", "FetchCaps", "FetchFailed", "Fetched", "Fetcher", "Gate"]

_SECRETS = ("authorization", "cookie", "proxy-authorization")


class Gate(Protocol):
    """Asked before each request, redirects included: politeness and robots.txt stand here."""

    async def before(self, url: str) -> None:
        """Returns when ``url`` may be requested.

        Raises:
            FetchFailed: it may not.
        """

    async def after(self, url: str, status: int, headers: Mapping[str, str]) -> None:
        """Hears once how each request ended; ``status`` is 0 where no answer came.

        Header names are in lower case. The body, where there is one, has been read or given up.
        """


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """An answer with its whole body, unpacked, in a file that is now the caller's.

    With status 304 (only where conditional headers were sent) the file is empty.
    """

    requested_url: str
    final_url: str
    status: int
    headers: dict[str, str]  # names in lower case
    path: Path
    size_bytes: int
    sha256: str
    media_type: str  # as declared, in lower case; "" where it is not
    charset: str | None  # as declared


class _Order(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, the same over all redirects."""

    url: str
    caps: FetchCaps
    gate: Gate
    directory: Path
    accept: Callable[[str], bool]
    conditional: bool


class Fetcher:
    """Fetches from the open web and from what the guard allows; safe to share between tasks.

    Args:
        guard: decides about each address that a connection would go to.
        user_agent: who we are, with a way to reach us.
        resolver: looks names up; the operating system where none is given.
        tls: whom to trust; the operating system's authorities where none is given.
    """

    def __init__(
        self,
        *,
        guard: AddressGuard,
        user_agent: str,
        resolver: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        trusted = tls or httpx2.create_ssl_context(trust_env=False)
        self._transport = GuardedTransport(guard, resolver, trusted)
        self._headers = {"user-agent": user_agent, "accept": "*/*", "accept-encoding": "gzip"}

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
        """The answer to GET ``url``, redirects followed.

        Args:
            url: http or https.
            caps: the limits.
            gate: asked before each request.
            directory: an existing folder for the body.
            accept: whether a declared media type ("" for none) is wanted; else all are.
            headers: sent as well, credentials only to the first host.

        Raises:
            FetchFailed: there is no usable answer; ``directory`` is as it was.
        """
        sent = httpx2.Headers(self._headers)
        sent.update(httpx2.Headers(headers, encoding="utf-8"))  # an etag may be any text
        order = _Order(
            url=url,
            caps=caps,
            gate=gate,
            directory=directory,
            accept=accept or (lambda _: True),
            conditional="if-none-match" in sent or "if-modified-since" in sent,
        )
        here, budget = parsed(url), _Budget(caps.total)
        for _ in range(caps.redirects + 1):
            result = await self._visit(httpx2.Request("GET", here, headers=sent), order, budget)
            if isinstance(result, Fetched):
                return result
            if result.origin != here.origin:
                sent = httpx2.Headers([(k, v) for k, v in sent.items() if k not in _SECRETS])
            here = result
        raise FetchFailed("redirect_loop", f"{here.host}: more than {caps.redirects} redirects")

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def _visit(
        self, request: httpx2.Request, order: _Order, budget: "_Budget"
    ) -> Fetched | httpx2.URL:
        """One request, between the gate's ``before`` and ``after``."""
        request.extensions = {"timeout": _timeouts(order.caps)}
        answer = httpx2.Response(0)
        await order.gate.before(str(request.url))
        try:
            async with budget.spent_on(request.url.host):
                answer = await self._transport.handle_async_request(request)
                async with aclosing(answer):
                    return redirect_target(answer) or await _received(answer, order)
        finally:
            await order.gate.after(str(request.url), answer.status_code, dict(answer.headers))


class _Budget:
    """The time that the requests of one fetch may take together."""

    def __init__(self, total: timedelta) -> None:
        self._total_s = self._left_s = total.total_seconds()

    @asynccontextmanager
    async def spent_on(self, host: str) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(self._left_s):
                yield
        except TimeoutError:
            detail = f"{host} was not done within {self._total_s:g} s"
            raise FetchFailed("timeout", detail, transient=True) from None
        finally:
            self._left_s -= loop.time() - begun


def _timeouts(caps: FetchCaps) -> dict[str, float | None]:
    read_s = caps.read.total_seconds()
    return {"connect": caps.connect.total_seconds(), "read": read_s, "write": read_s, "pool": None}


async def _received(answer: httpx2.Response, order: _Order) -> Fetched:
    host = answer.request.url.host
    not_modified = order.conditional and answer.status_code == HTTPStatus.NOT_MODIFIED
    media_type = declared_type(answer)
    if not not_modified:
        check_status(answer)
        if not order.accept(media_type):
            raise FetchFailed("wrong_type", f"{host} sent {media_type or 'no media type'!r}")
        if int(answer.headers.get("content-length", 0)) > order.caps.max_raw_bytes:
            raise too_large(host, order.caps.max_raw_bytes)
    async with aclosing(answer.aiter_raw()) as raw:
        coding = answer.headers.get("content-encoding", "") if not not_modified else ""
        stored = await store(raw, coding, caps=order.caps, directory=order.directory, host=host)
    return Fetched(
        requested_url=order.url,
        final_url=str(answer.request.url),
        status=answer.status_code,
        headers=dict(answer.headers),
        path=stored.path,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        media_type=media_type,
        charset=answer.charset_encoding,
    )
