"""The guarded fetch: GET one URL, follow redirects, store the body in a file."""

import ssl
from collections.abc import Callable, Mapping
from contextlib import aclosing
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

import httpx2
import msgspec

from eventjob.fetch.addresses import AddressGuard
from eventjob.fetch.bounded_body import store_body, too_large_error
from eventjob.fetch.caps import FILE, IMAGE, PAGE, Budget, FetchCaps
from eventjob.fetch.errors import FetchFailed
from eventjob.fetch.resolver import Resolver, system_resolver
from eventjob.fetch.response_head import (
    check_status,
    declared_media_type,
    parse_url,
    redirect_target,
)
from eventjob.fetch.transport import GuardedTransport

__all__ = ["FILE", "IMAGE", "PAGE", "FetchCaps", "FetchFailed", "FetchResult", "Fetcher", "Gate"]

_CONNECTED_EVENT = "http11.send_request_headers.started"  # httpcore2's name for the event
_SECRET_HEADERS = ("authorization", "cookie", "proxy-authorization")


class Gate(Protocol):
    """Called around each request, redirects included; politeness and robots.txt are gates."""

    async def before_request(self, url: str) -> None:
        """Wait until ``url`` may be requested.

        Raises:
            FetchFailed: it may not.
        """

    async def on_connected(self, url: str) -> None:
        """Wait until the request may be sent; called when the connection is open."""

    async def after_request(self, url: str, status: int, headers: Mapping[str, str]) -> None:
        """Called once when a request has ended; ``status`` is 0 if it got no response.

        Header names are in lower case. The body has been read or given up by then.
        """


class FetchResult(msgspec.Struct, frozen=True, kw_only=True):
    """A response with its whole decoded body in a file that the caller now owns.

    With status 304 (possible only after conditional headers) the file is empty.
    """

    requested_url: str
    final_url: str
    status: int
    headers: dict[str, str]  # names in lower case
    path: Path
    size_bytes: int
    sha256: str
    media_type: str  # as declared, in lower case; "" if undeclared
    charset: str | None  # as declared
    is_artifact: bool = False  # the artifact store has the body, too


class _Options(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's arguments, the same for all redirects."""

    url: str
    caps: FetchCaps
    gate: Gate
    directory: Path
    accept: Callable[[str], bool]
    conditional: bool


class Fetcher:
    """Fetches from the open web and the allow list; safe to share between tasks.

    Args:
        guard: decides about each address before a connection is opened.
        user_agent: product and contact address.
        resolver: DNS look-up; default: the operating system.
        tls: trusted authorities; default: the operating system's.
    """

    def __init__(
        self,
        *,
        guard: AddressGuard,
        user_agent: str,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        context = tls or httpx2.create_ssl_context(trust_env=False)
        self._transport = GuardedTransport(guard, resolver or system_resolver, context)
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
    ) -> FetchResult:
        """GET ``url``, following redirects, and return the response.

        Args:
            url: http or https.
            caps: the limits.
            gate: called around each request.
            directory: an existing folder for the body.
            accept: true for wanted media types ("" if undeclared); default: all.
            headers: sent as well; credentials go to the first origin only.

        Raises:
            FetchFailed: no usable response; ``directory`` is unchanged.
        """
        sent = httpx2.Headers(self._headers)
        sent.update(httpx2.Headers(headers, encoding="utf-8"))  # an etag may be any text
        options = _Options(
            url=url,
            caps=caps,
            gate=gate,
            directory=directory,
            accept=accept or (lambda _: True),
            conditional="if-none-match" in sent or "if-modified-since" in sent,
        )
        next_url, budget = parse_url(url), Budget(caps.total)
        for _ in range(caps.redirects + 1):
            result = await self._request_once(
                httpx2.Request("GET", next_url, headers=sent), options, budget
            )
            if isinstance(result, FetchResult):
                return result
            if result.origin != next_url.origin:
                for secret in _SECRET_HEADERS:
                    sent.pop(secret, None)  # a redirect must not leak them
            next_url = result
        raise FetchFailed("redirect_loop", f"{next_url.host}: more than {caps.redirects} redirects")

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def _request_once(
        self, request: httpx2.Request, options: _Options, budget: Budget
    ) -> FetchResult | httpx2.URL:
        """Send one request, between the gate's calls; a `httpx2.URL` is where to go next."""
        url = str(request.url)

        async def trace(event: str, _: object) -> None:
            if event == _CONNECTED_EVENT:
                await options.gate.on_connected(url)

        request.extensions = {"timeout": _timeouts(options.caps), "trace": trace}
        response = httpx2.Response(0)
        await options.gate.before_request(url)
        try:
            async with budget.limit(request.url.host):
                response = await self._transport.handle_async_request(request)
                async with aclosing(response):
                    return redirect_target(response) or await _read_response(response, options)
        finally:
            await options.gate.after_request(url, response.status_code, dict(response.headers))


def _timeouts(caps: FetchCaps) -> dict[str, float | None]:
    read_s = caps.read.total_seconds()
    return {"connect": caps.connect.total_seconds(), "read": read_s, "write": read_s, "pool": None}


def _check_head(response: httpx2.Response, options: _Options) -> None:
    """Raise `FetchFailed` if the body is unwanted, before any of it is read."""
    host, media_type = response.request.url.host, declared_media_type(response)
    check_status(response)
    if not options.accept(media_type):
        detail = f"{host} sent the type {media_type[:60]!r}, which is not wanted here"
        raise FetchFailed("wrong_type", detail)
    if int(response.headers.get("content-length", 0)) > options.caps.max_raw_bytes:
        raise too_large_error(host, options.caps.max_raw_bytes)


async def _read_response(response: httpx2.Response, options: _Options) -> FetchResult:
    host = response.request.url.host
    coding = response.headers.get("content-encoding", "")
    if options.conditional and response.status_code == HTTPStatus.NOT_MODIFIED:
        coding = ""  # a 304 may declare the coding of the body it leaves out
    else:
        _check_head(response, options)
    async with aclosing(response.aiter_raw()) as raw:
        body = await store_body(
            raw, coding, caps=options.caps, directory=options.directory, host=host
        )
    return FetchResult(
        requested_url=options.url,
        final_url=str(response.request.url),
        status=response.status_code,
        headers=dict(response.headers),
        path=body.path,
        size_bytes=body.size_bytes,
        sha256=body.sha256,
        media_type=declared_media_type(response),
        charset=response.charset_encoding,
    )
