"""Decide which addresses may be connected to: public ones on web ports, plus an allow list."""

import re
from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_network,
)

import msgspec

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

WEB_PORTS = frozenset({80, 443})

_ENTRY = re.compile(r"(?:\[([0-9a-f:.]+)\]|([0-9.]+))(/[0-9]+)?:([0-9]{1,5})", re.IGNORECASE)
_PUBLIC_V6 = IPv6Network("2000::/3")  # the only range assigned for unicast
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address is its last 32 bits
_SPECIAL = tuple(
    ip_network(network)
    for network in (
        # RFC 6890 and the IANA special-purpose registries: listed here because ``is_global``
        # differs between Python's versions
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host, on a public address
        "169.254.0.0/16",  # link-local, the clouds' metadata among them
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",  # Teredo and ORCHID among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: hides an IPv4 address, and is obsolete
        "3fff::/20",
    )
)


class Allowance(msgspec.Struct, frozen=True):
    """A network that may be fetched from on these ports, even if it is private."""

    network: Network
    ports: frozenset[int]


def parse_allowances(text: str) -> tuple[Allowance, ...]:
    """Parse ``CIDR:port,…``, as in ``127.0.0.1/32:8301,[::1]/128:8301``; "" gives an empty tuple.

    Raises:
        ValueError: names the entry that is wrong.
    """
    return tuple(_parse_entry(entry.strip()) for entry in text.split(",") if entry.strip())


def _parse_entry(entry: str) -> Allowance:
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise ValueError(f"{entry!r} is not CIDR:port, with an IPv6 address in brackets")
    v6, v4, prefix, port = match.groups()
    if not 0 < int(port) < 2**16:
        raise ValueError(f"{entry!r} does not end in a port (1 to 65535)")
    try:
        network = ip_network(f"{v6 or v4}{prefix or ''}")
    except ValueError as error:
        raise ValueError(f"{entry!r} is not CIDR:port ({error})") from None
    return Allowance(network, frozenset({int(port)}))


class AddressGuard:
    """Decides for each connection, by its literal address, if it may be opened."""

    def __init__(self, allowances: Sequence[Allowance] = ()) -> None:
        self._allowances = tuple(allowances)

    def allows(self, address: Address, port: int) -> bool:
        """True if ``address`` is public and ``port`` is a web port, or the allow list has both."""
        address = unwrap_ipv4(address)  # else ::ffff:10.0.0.1 would pass the IPv4 rules
        return (port in WEB_PORTS and is_public(address)) or any(
            address in allowance.network and port in allowance.ports
            for allowance in self._allowances
        )


def unwrap_ipv4(address: Address) -> Address:
    """Return the IPv4 address inside ``::ffff:a.b.c.d``; any other address unchanged."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_public(address: Address) -> bool:
    """True if ``address`` is on the open internet; a NAT64 address counts as its IPv4 address."""
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & (2**32 - 1)))
        if address not in _PUBLIC_V6 or address.scope_id is not None:
            return False
    return address.is_global and not any(address in network for network in _SPECIAL)
