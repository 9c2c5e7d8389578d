"""Resolve a host to its addresses, once per connection."""

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
    """A DNS look-up."""

    async def __call__(self, host: str) -> Sequence[Address]:
        """Return all addresses of ``host``, the preferred one first.

        Raises:
            OSError: the look-up failed, or the host has no address.
        """


async def system_resolver(host: str) -> Sequence[Address]:
    """Ask the operating system, DNS included."""
    loop = asyncio.get_running_loop()
    entries = await loop.getaddrinfo(host.encode(), None, type=socket.SOCK_STREAM)
    return [ip_address(socket_address[0]) for *_, socket_address in entries]


async def resolve_host(host: str, resolver: Resolver, timeout_s: float | None) -> list[Address]:
    """Return the addresses of ``host``, at least one; literals and localhost skip the look-up.

    Raises:
        FetchFailed: ``dns_failed``.
    """
    literal = _parse_literal(host.removesuffix("."))
    if literal is not None:
        return [literal]
    if f".{host.lower().removesuffix('.')}".endswith(".localhost"):  # RFC 6761, 6.3
        return [_LOOPBACK]
    try:
        async with asyncio.timeout(timeout_s):
            addresses = await resolver(host)
    except TimeoutError:
        detail = f"{host}: no answer from DNS within {timeout_s:g} s"
        raise FetchFailed("dns_failed", detail, transient=True) from None
    except OSError as error:
        transient = error.errno not in _NO_SUCH_HOST
        detail = f"{host}: {error.strerror or 'DNS does not answer'}"
        raise FetchFailed("dns_failed", detail.lower(), transient=transient) from error
    if not addresses:
        raise FetchFailed("dns_failed", f"{host} has no address")
    return list(dict.fromkeys(addresses))


def _parse_literal(host: str) -> Address | None:
    """Parse an address, also in the old spellings: ``127.1``, ``0x7f.1``, ``017…``."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None
