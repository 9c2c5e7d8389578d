"""From a host to its addresses, once per connection."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, ip_address
from typing import Protocol

from eventjob.fetch.addresses import Address
from eventjob.fetch.errors import FetchFailed

_LOOPBACK = IPv4Address("127.0.0.1")
_NO_SUCH_HOST = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class Resolver(Protocol):
    """Looks a name up."""

    async def __call__(self, host: str) -> Sequence[Address]:
        """All addresses of ``host``, the preferred first.

        Raises:
            OSError: it has none, or nobody can say.
        """


async def system_resolver(host: str) -> Sequence[Address]:
    """What the operating system knows, DNS included."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host.encode(), None, type=socket.SOCK_STREAM)
    return [ip_address(socket_address[0]) for *_, socket_address in found]


async def addresses_of(host: str, resolver: Resolver, timeout_s: float | None) -> list[Address]:
    """The addresses of ``host``, at least one. A literal address and localhost need no look-up.

    Raises:
        FetchFailed: ``dns_failed``.
    """
    literal = _literal(host.removesuffix("."))
    if literal is not None:
        return [literal]
    if f".{host.lower().removesuffix('.')}".endswith(".localhost"):  # RFC 6761, 6.3
        return [_LOOPBACK]
    try:
        async with asyncio.timeout(timeout_s):
            found = await resolver(host)
    except TimeoutError:
        detail = f"{host}: no answer from DNS within {timeout_s:g} s"
        raise FetchFailed("dns_failed", detail, transient=True) from None
    except OSError as error:
        transient = error.errno not in _NO_SUCH_HOST
        detail = f"{host}: {error.strerror or 'DNS does not answer'}"
        raise FetchFailed("dns_failed", detail.lower(), transient=transient) from error
    if not found:
        raise FetchFailed("dns_failed", f"{host} has no address")
    return list(dict.fromkeys(found))


def _literal(host: str) -> Address | None:
    """The address that ``host`` is, also in the old spellings: ``127.1``, ``0x7f.1``, ``017…``."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None
