"""HTTP over guarded connections: the one module that opens a socket to the web."""

import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager

import httpcore2
import httpx2

from eventjob.fetch.addresses import Address, AddressGuard, unwrap_ipv4
from eventjob.fetch.errors import FetchFailed, blocked_address
from eventjob.fetch.resolver import Resolver, resolve_host

_MAX_CONNECTIONS = 50
_KEEPALIVE_S = 2.0  # servers close after 5 s or more: we close first
_MAX_ADDRESSES = 4  # tried per host
_HEAD_TOO_LARGE = 431  # h11's hint for heads over httpcore2's 100 KB


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to exactly the addresses that were checked.

    A second look-up could return another address (DNS rebinding), so there is none.
    """

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
        """Connect to the first address that answers; they share the time.

        Raises:
            FetchFailed: ``dns_failed``, or ``blocked_address`` if any address is refused.
        """
        addresses = await resolve_host(host, self._resolver, timeout)
        if not all(self._guard.allows(address, port) for address in addresses):
            detail = f"{host} port {port} is neither public (on ports 80 and 443)"
            raise blocked_address(f"{detail} nor in EVENTJOB_FETCH_ALLOW")
        candidates = addresses[:_MAX_ADDRESSES]
        share_s = None if timeout is None else timeout / len(candidates)
        for address in candidates[:-1]:
            try:
                return await self._connect(address, port, share_s)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._connect(candidates[-1], port, share_s)

    async def _connect(
        self, address: Address, port: int, timeout_s: float | None
    ) -> httpcore2.AsyncNetworkStream:
        return await self._network.connect_tcp(str(unwrap_ipv4(address)), port, timeout_s)


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Plain HTTP/1.1 with keep-alive; its errors are `FetchFailed`."""

    def __init__(self, guard: AddressGuard, resolver: Resolver, tls: ssl.SSLContext) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,  # no proxy, cookies or redirects: each would bypass the guard
            max_connections=_MAX_CONNECTIONS,
            keepalive_expiry=_KEEPALIVE_S,
            network_backend=GuardedBackend(guard, resolver),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the response's head; its stream yields the body as sent, still encoded."""
        url = httpcore2.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        core_request = httpcore2.Request(
            request.method, url, headers=request.headers.raw, extensions=request.extensions
        )
        with _map_errors(request):
            response = await self._pool.handle_async_request(core_request)
        return httpx2.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response, request),
            request=request,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class _Body(httpx2.AsyncByteStream):
    def __init__(self, response: httpcore2.Response, request: httpx2.Request) -> None:
        self._response = response
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _map_errors(self._request):
            async for chunk in self._response.aiter_stream():
                yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


@contextmanager
def _map_errors(request: httpx2.Request) -> Iterator[None]:
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
        raise _failed_connect(host, error) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise _broken_connection(host, error) from error


def _cause(error: Exception) -> object:
    """Return the original error, which httpcore2 keeps as the argument."""
    return error.args[0] if error.args else None


def _broken_connection(host: str, error: Exception) -> FetchFailed:
    if getattr(_cause(error), "error_status_hint", None) == _HEAD_TOO_LARGE:
        return FetchFailed("too_large", f"{host} sent more than 100 KB of headers")
    detail = f"{host} broke off: {str(error)[:200] or 'connection lost'}"
    return FetchFailed("connect_failed", detail, transient=True)


def _failed_connect(host: str, error: httpcore2.ConnectError) -> FetchFailed:
    cause = _cause(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return FetchFailed("tls_failed", f"{host}: its certificate: {cause.verify_message}")
    if isinstance(cause, ssl.SSLError):
        return FetchFailed("tls_failed", f"{host}: no tls: {cause.reason}", transient=True)
    return FetchFailed("connect_failed", f"{host} refused the connection", transient=True)
