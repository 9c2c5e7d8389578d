"""The guarded fetch: one address, through every wall, into one file."""

import ssl
from collections.abc import Callable, Mapping
from contextlib import aclosing
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

import httpx2
import msgspec

from eventjob.fetch.addresses import AddressGuard
from eventjob.fetch.body import store, too_large
from eventjob.fetch.caps import FILE, IMAGE, PAGE, Budget, FetchCaps
from eventjob.fetch.errors import FetchFailed
from eventjob.fetch.resolver import Resolver, system_resolver
from eventjob.fetch.response_head import check_status, declared_type, parsed, redirect_target
from eventjob.fetch.transport import GuardedTransport

__all__ = ["FILE", "IMAGE", "PAGE", "FetchCaps", "FetchFailed", "Fetched", "Fetcher", "Gate"]

_CONNECTED = "http11.send_request_headers.started"  # as httpcore2 calls it
_SECRETS = ("authorization", "cookie", "proxy-authorization")


class Gate(Protocol):
    """Asked before each request, redirects included: politeness and robots.txt stand here."""

    async def before(self, url: str) -> None:
        """Returns when ``url`` may be requested.

        Raises:
            FetchFailed: it may not.
        """

    async def connected(self, url: str) -> None:
        """Returns when the request may go out, now that nothing else is in its way."""

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
    is_artifact: bool = False  # whether the artifact store has the body, too


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
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        trusted = tls or httpx2.create_ssl_context(trust_env=False)
        self._transport = GuardedTransport(guard, resolver or system_resolver, trusted)
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
        here, budget = parsed(url), Budget(caps.total)
        for _ in range(caps.redirects + 1):
            result = await self._visit(httpx2.Request("GET", here, headers=sent), order, budget)
            if isinstance(result, Fetched):
                return result
            if result.origin != here.origin:
                for secret in _SECRETS:
                    sent.pop(secret, None)
            here = result
        raise FetchFailed("redirect_loop", f"{here.host}: more than {caps.redirects} redirects")

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def _visit(
        self, request: httpx2.Request, order: _Order, budget: Budget
    ) -> Fetched | httpx2.URL:
        """One request, between the gate's ``before`` and ``after``."""
        url = str(request.url)

        async def trace(event: str, _: object) -> None:
            if event == _CONNECTED:
                await order.gate.connected(url)

        request.extensions = {"timeout": _timeouts(order.caps), "trace": trace}
        answer = httpx2.Response(0)
        await order.gate.before(url)
        try:
            async with budget.spent_on(request.url.host):
                answer = await self._transport.handle_async_request(request)
                async with aclosing(answer):
                    return redirect_target(answer) or await _received(answer, order)
        finally:
            await order.gate.after(url, answer.status_code, dict(answer.headers))


def _timeouts(caps: FetchCaps) -> dict[str, float | None]:
    read_s = caps.read.total_seconds()
    return {"connect": caps.connect.total_seconds(), "read": read_s, "write": read_s, "pool": None}


def _check(answer: httpx2.Response, order: _Order) -> None:
    """Nothing for an answer whose body is wanted."""
    host, media_type = answer.request.url.host, declared_type(answer)
    check_status(answer)
    if not order.accept(media_type):
        detail = f"{host} sent the type {media_type[:60]!r}, which is not wanted here"
        raise FetchFailed("wrong_type", detail)
    if int(answer.headers.get("content-length", 0)) > order.caps.max_raw_bytes:
        raise too_large(host, order.caps.max_raw_bytes)


async def _received(answer: httpx2.Response, order: _Order) -> Fetched:
    host = answer.request.url.host
    coding = answer.headers.get("content-encoding", "")
    if order.conditional and answer.status_code == HTTPStatus.NOT_MODIFIED:
        coding = ""  # of the body that is not sent
    else:
        _check(answer, order)
    async with aclosing(answer.aiter_raw()) as raw:
        stored = await store(raw, coding, caps=order.caps, directory=order.directory, host=host)
    return Fetched(
        requested_url=order.url,
        final_url=str(answer.request.url),
        status=answer.status_code,
        headers=dict(answer.headers),
        path=stored.path,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        media_type=declared_type(answer),
        charset=answer.charset_encoding,
    )
