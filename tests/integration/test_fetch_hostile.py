"""Addresses that lead inside: each is refused, and nothing is ever connected to."""

import pytest
from fetch_servers import failure, fetched, fetching, fixed, resolving, serving

from eventjob.fetch import addresses
from eventjob.fetch.resolver import system_resolver

INSIDE = """
    http://127.0.0.1:{port}/ http://127.1:{port}/ http://127.0.1:{port}/ http://127.0.0.2:{port}/
    http://2130706433:{port}/ http://0x7f000001:{port}/ http://0x7f.0.0.1:{port}/
    http://0x7f.1:{port}/ http://017700000001:{port}/ http://0177.0.0.1:{port}/
    http://127.0.0.1.:{port}/ http://0:{port}/ http://0.0.0.0:{port}/ http://0x0:{port}/
    http://127。0。0。1:{port}/ http://127．0．0．1:{port}/ http://①②⑦.0.0.1:{port}/
    http://１２７.0.0.1:{port}/ http://127.0.0.1%00.example:{port}/ http://%31%32%37.0.0.1:{port}/
    http://[::1]:{port}/ http://[::]:{port}/ http://[0:0:0:0:0:0:0:1]:{port}/
    http://[::127.0.0.1]:{port}/ http://[::ffff:127.0.0.1]:{port}/ http://[::ffff:7f00:1]:{port}/
    http://[::ffff:0:127.0.0.1]:{port}/ http://[64:ff9b::127.0.0.1]:{port}/
    http://[64:ff9b:1::7f00:1]:{port}/ http://[2002:7f00:1::]:{port}/
    http://[2001:0:7f00:1::1]:{port}/ http://[fe80::1]:{port}/ http://[fe80::1%25lo]:{port}/
    http://[fc00::1]:{port}/ http://[fd00:ec2::254]/latest/ http://[ff02::1]:{port}/
    http://169.254.169.254/latest/meta-data/ http://0xa9fea9fe/ http://2852039166/
    http://168.63.129.16/ http://100.64.0.1/ http://100.100.100.200/ http://10.0.0.1/
    http://172.16.0.1/ http://192.168.0.1/ http://192.0.0.192/ http://192.0.2.1/
    http://198.51.100.1/ http://203.0.113.1/ http://198.18.0.1/ http://224.0.0.1/
    http://240.0.0.1/ http://255.255.255.255/ https://127.0.0.1:{port}/
    http://localhost:{port}/ http://LOCALHOST:{port}/ http://localhost.:{port}/
    http://app.localhost:{port}/ http://a.b.localhost.:{port}/ https://localhost:{port}/
    http://inside.example:{port}/ http://nat64.example:{port}/ http://mapped.example:{port}/
    http://mixed.example:{port}/ http://last.example:{port}/ http://six.example:{port}/
"""  # noqa: RUF001 - look-alikes are the attack
NEVER = """
    http://1.1.1.1:22/ http://1.1.1.1:25/ http://8.8.8.8:6379/ https://public.example:8443/
    http://public.example:{port}/ http://[2606:2800:220:1::1]:8080/ http://public.example:0/
    file:///etc/passwd file://127.0.0.1:{port}/ gopher://127.0.0.1:{port}/_x ftp://127.0.0.1:{port}/
    dict://127.0.0.1:{port}/ ws://127.0.0.1:{port}/ http+unix://%2Fvar%2Frun%2Fdocker.sock/
    data:text/html,x javascript:alert(1) //127.0.0.1:{port}/ 127.0.0.1:{port} http:127.0.0.1:{port}
    http://me@127.0.0.1:{port}/ http://me:pw@127.0.0.1:{port}/ http://1.1.1.1@127.0.0.1:{port}/
    http://127.0.0.1:{port}\\@1.1.1.1/ http://1.1.1.1\\@127.0.0.1:{port}/ http:///127.0.0.1:{port}/
    http://127.0.0.1:{port}:80/ http://127.0.0.1:{port}\x00/ http://127.0.0.1:{port}\u3000/
"""
HOSTS = {
    "inside_example": "10.0.0.1",
    "nat64_example": "64:ff9b::7f00:1",
    "mapped_example": "::ffff:127.0.0.1",
    "mixed_example": "1.1.1.1 127.0.0.1",
    "last_example": "1.1.1.1 8.8.8.8 9.9.9.9 8.8.4.4 4.4.4.4 127.0.0.1",
    "six_example": "2606:2800:220:1::1 ::1",
    "public_example": "1.1.1.1",
}


async def resolve(host):
    known = resolving(**HOSTS)
    return await (known(host) if host.endswith(".example") else system_resolver(host))


@pytest.fixture
async def trap():
    async with serving(fixed()) as server:
        yield server


@pytest.mark.parametrize("url", INSIDE.split())
async def test_what_leads_inside_is_blocked_even_on_a_port_of_the_web(
    url, trap, tmp_path, monkeypatch
):
    monkeypatch.setattr(addresses, "WEB_PORTS", frozenset({80, 443, trap.port}))
    async with fetching(resolver=resolve) as fetcher:
        error = await failure(fetcher, url.format(port=trap.port), tmp_path)
    assert (error.code, error.transient) == ("blocked_address", False)
    assert trap.connections == 0


@pytest.mark.parametrize("url", NEVER.split(" "))
async def test_what_is_no_address_of_the_open_web_is_blocked(url, trap, tmp_path):
    async with fetching(resolver=resolve) as fetcher:
        error = await failure(fetcher, url.strip().format(port=trap.port), tmp_path)
    assert (error.code, error.transient) == ("blocked_address", False)
    assert ":pw@" not in str(error)
    assert trap.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "app.localhost", "[::ffff:7f00:1]"])
async def test_the_trap_itself_can_be_reached_where_it_is_allowed(host, trap, tmp_path):
    async with fetching(trap.allowance) as fetcher:
        await fetched(fetcher, trap.url(host=host), tmp_path)
    assert trap.connections == 1


async def test_an_allowance_opens_no_other_port(trap, tmp_path):
    async with fetching(f"127.0.0.1/32:{trap.port + 1}") as fetcher:
        error = await failure(fetcher, trap.url(host="localhost"), tmp_path)
    assert error.code == "blocked_address"
    assert trap.connections == 0


async def test_a_name_is_looked_up_once_a_connection_and_each_answer_is_checked(trap, tmp_path):
    answers = ["127.0.0.1", "127.0.0.1 10.0.0.1"]
    resolver = resolving(rebinding_example=answers)
    async with fetching(trap.allowance, resolver=resolver) as fetcher:
        url = trap.url(host="rebinding.example")
        got = await fetched(fetcher, url, tmp_path)
        got.path.unlink()
        assert len(answers) == 1
        error = await failure(fetcher, url, tmp_path)
    assert error.code == "blocked_address"
    assert (trap.connections, answers) == (1, [])


async def test_no_proxy_of_the_environment_is_used(trap, tmp_path, monkeypatch):
    async with serving(fixed()) as proxy, fetching(trap.allowance) as fetcher:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        await fetched(fetcher, trap.url(), tmp_path)
    assert (trap.connections, proxy.connections) == (1, 0)
