"""Which addresses count as public, and how exceptions are written."""

from ipaddress import IPv4Network, IPv6Network, ip_address

import pytest
from tables import row, table

from eventjob.fetch.addresses import AddressGuard, Allowance, is_public, parse_allowances

PRIVATE = """
    0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254
    168.63.129.16 169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192
    192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1 192.175.48.1 198.18.0.1
    198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
    ::ffff:0:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254
    64:ff9b:1::7f00:1 100::1 2001::1 2001:0:7f00:1::1 2001:0:4136:e378:8000:63bf:80ff:fffe
    2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:a00:1:: 2002:808:808:: 3fff::1
    4000::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%lo fec0::1 ff02::1
    2606:2800:220:1::1%lo
"""
PUBLIC = """
    1.1.1.1 8.8.8.8 93.184.215.14 172.15.255.255 172.32.0.1 100.63.255.255 100.128.0.1
    2606:2800:220:1:248:1893:25c8:1946 2a00:1450:4001:80b::200e ::ffff:8.8.8.8 64:ff9b::8.8.8.8
"""


def test_an_address_that_is_not_public_is_refused_on_the_web_s_own_ports():
    for address in map(ip_address, PRIVATE.split()):
        assert not is_public(address), address
        assert not any(AddressGuard().allows(address, port) for port in (80, 443)), address


def test_a_public_address_is_allowed_on_the_web_s_ports_only():
    for address in PUBLIC.split():
        allowed = [p for p in (0, 22, 25, 80, 443, 8080, 65535) if allows("", address, p)]
        assert allowed == [80, 443], address


@table(
    "allow, address, port, allowed",
    row("what is listed", "127.0.0.1/32:8301", "127.0.0.1", 8301, True),
    row("not its other ports", "127.0.0.1/32:8301", "127.0.0.1", 8302, False),
    row("not even port 80", "127.0.0.1/32:8301", "127.0.0.1", 80, False),
    row("not its neighbour", "127.0.0.1/32:8301", "127.0.0.2", 8301, False),
    row("not another network", "127.0.0.1/32:8301", "10.0.0.1", 8301, False),
    row("not the same in IPv6", "127.0.0.1/32:8301", "::1", 8301, False),
    row("mapped is the same", "127.0.0.1/32:8301", "::ffff:127.0.0.1", 8301, True),
    row("wrapped is not", "127.0.0.1/32:8301", "64:ff9b::7f00:1", 8301, False),
    row("IPv6", "[::1]/128:8301", "::1", 8301, True),
    row("the first", "10.0.0.0/8:80, [fd00::]/8:443", "10.9.8.7", 80, True),
    row("the second", "10.0.0.0/8:80, [fd00::]/8:443", "fd12::1", 443, True),
    row("no mixing", "10.0.0.0/8:80, [fd00::]/8:443", "10.9.8.7", 443, False),
    row("a public host's own port", "1.1.1.1/32:8080", "1.1.1.1", 8080, True),
    row("no other public host's", "1.1.1.1/32:8080", "8.8.8.8", 8080, False),
)
def test_an_allowance_holds_for_its_network_and_its_port(allow, address, port, allowed):
    assert allows(allow, address, port) is allowed


def test_allowances_are_read_from_one_line():
    assert parse_allowances("127.0.0.1/32:8301, [::1]/128:80,10.0.0.0/8:443,") == (
        Allowance(IPv4Network("127.0.0.1/32"), frozenset({8301})),
        Allowance(IPv6Network("::1/128"), frozenset({80})),
        Allowance(IPv4Network("10.0.0.0/8"), frozenset({443})),
    )
    assert parse_allowances("") == parse_allowances(" , ") == ()


WRONG = """127.0.0.1/32 127.0.0.1/32: 127.0.0.1/32:0 127.0.0.1/32:65536 127.0.0.1/32:-1 *:80 :80
    127.0.0.1/32:http 127.0.0.1/32:² 127.0.0.1/33:80 127.0.0.1/8:80 localhost:80
    ::1/128:80 [::1/128:80"""


@table("wrong", *WRONG.split())
def test_a_wrong_allowance_is_named(wrong):
    with pytest.raises(ValueError, match="port") as error:
        parse_allowances(f"127.0.0.1/32:8301,{wrong}")
    assert repr(wrong) in str(error.value)


def allows(allow: str, address: str, port: int) -> bool:
    return AddressGuard(parse_allowances(allow)).allows(ip_address(address), port)
