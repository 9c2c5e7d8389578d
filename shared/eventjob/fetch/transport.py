"""HTTP over connections that the guard has let pass: the one place that opens a socket."""

import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager

import httpcore2
import httpx2

from eventjob.fetch.addresses import Address, AddressGuard, unwrapped
from eventjob.fetch.errors import FetchFailed, blocked
from eventjob.fetch.resolver import Resolver, addresses_of

_MOST_CONNECTIONS = 50
_KEEPALIVE_S = 2.0  # servers close after 5 s and more: no request meets a closing connection
_MOST_ADDRESSES = 4  # of one host that are tried
_HEAD_TOO_LARGE = 431  # how h11 marks what overruns the 100 KB that httpcore2 gives it


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to the very addresses that were checked: nothing is looked up a second time."""

    def __init__(self, guard: AddressGuard, resolver: Resolver) -> None:
        self._guard = guard
        self._resolver = resolver
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore2's
        local_address: str | None = None,  # noqa: ARG002 - the same
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to one of the host's addresses, tried in order, sharing the time.

        Raises:
            FetchFailed: ``dns_failed``, or ``blocked_address`` where any of them is not allowed.
        """
        addresses = await addresses_of(host, self._resolver, timeout)
        if not all(self._guard.allows(address, port) for address in addresses):
            detail = f"{host} port {port} is neither public (on ports 80 and 443)"
            raise blocked(f"{detail} nor in EVENTJOB_FETCH_ALLOW")
        tried = addresses[:_MOST_ADDRESSES]
        share = None if timeout is None else timeout / len(tried)
        for address in tried[:-1]:
            try:
                return await self._connect(address, port, share)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._connect(tried[-1], port, share)

    async def _connect(
        self, address: Address, port: int, timeout_s: float | None
    ) -> httpcore2.AsyncNetworkStream:
        return await self._network.connect_tcp(str(unwrapped(address)), port, timeout_s)


class GuardedTransport(httpx2.AsyncBaseTransport):
    """HTTP/1.1 with keep-alive; no proxy, no cookies, no redirects. Fails as `FetchFailed`."""

    def __init__(self, guard: AddressGuard, resolver: Resolver, tls: ssl.SSLContext) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=_MOST_CONNECTIONS,
            keepalive_expiry=_KEEPALIVE_S,
            network_backend=GuardedBackend(guard, resolver),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer's head; its body comes raw, as it is on the wire."""
        url = httpcore2.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        sent = httpcore2.Request(
            request.method, url, headers=request.headers.raw, extensions=request.extensions
        )
        with _failing_as_ours(request):
            answer = await self._pool.handle_async_request(sent)
        return httpx2.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer, request),
            request=request,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class _Body(httpx2.AsyncByteStream):
    def __init__(self, answer: httpcore2.Response, request: httpx2.Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _failing_as_ours(self._request):
            async for chunk in self._answer.aiter_stream():
                yield chunk

    async def aclose(self) -> None:
        await self._answer.aclose()


@contextmanager
def _failing_as_ours(request: httpx2.Request) -> Iterator[None]:
    host, timeouts = request.url.host, request.extensions["timeout"]
    try:
        yield
    except httpcore2.ConnectTimeout:
        detail = f"{host}: no connection within {timeouts['connect']:g} s"
        raise FetchFailed("timeout", detail, transient=True) from None
    except httpcore2.TimeoutException:
        detail = f"{host} sent nothing for {timeouts['read']:g} s"
        raise FetchFailed("timeout", detail, transient=True) from None
    except httpcore2.ConnectError as error:
        raise _no_connection(host, error) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise _broken_off(host, error) from error


def _cause(error: Exception) -> object:
    """What httpcore2 mapped to ``error``: it keeps that as the argument, not as ``__cause__``."""
    return error.args[0] if error.args else None


def _broken_off(host: str, error: Exception) -> FetchFailed:
    if getattr(_cause(error), "error_status_hint", None) == _HEAD_TOO_LARGE:
        return FetchFailed("too_large", f"{host} sent more than 100 KB of headers")
    detail = f"{host} broke off: {str(error)[:200] or 'connection lost'}"
    return FetchFailed("connect_failed", detail, transient=True)


def _no_connection(host: str, error: httpcore2.ConnectError) -> FetchFailed:
    cause = _cause(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return FetchFailed("tls_failed", f"{host}: its certificate: {cause.verify_message}")
    if isinstance(cause, ssl.SSLError):
        return FetchFailed("tls_failed", f"{host}: no tls: {cause.reason}", transient=True)
    return FetchFailed("connect_failed", f"{host} refused the connection", transient=True)
