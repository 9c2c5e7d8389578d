"""Redirects are followed by hand: each hop passes the same walls as the first."""

from itertools import count

import pytest
from fetch_servers import (
    OpenGate,
    failure,
    fetched,
    fetched_of,
    fetching,
    fixed,
    head,
    raw,
    resolving,
    routed,
    serving,
)

KINDS = [301, 302, 303, 307, 308]


def redirect(location: str, status: int = 302):
    return fixed(b"moved", status=status, location=location)


@pytest.fixture
async def trap():
    async with serving(fixed()) as server:
        yield server


@pytest.mark.parametrize("status", KINDS)
async def test_a_redirect_is_followed_to_its_end(status, tmp_path):
    gate = OpenGate()
    routes = {"/a": redirect("/b?x=1#top", status), "/b?x=1": fixed(b"end")}
    async with serving(routed(routes)) as site, fetching(site.allowance) as fetcher:
        got = await fetched(fetcher, site.url("/a#old"), tmp_path, gate=gate)
    assert got.path.read_bytes() == b"end"
    assert (got.requested_url, got.final_url) == (site.url("/a#old"), site.url("/b?x=1"))
    assert gate.before_urls == gate.connected_urls == [site.url("/a"), site.url("/b?x=1")]
    assert gate.statuses == [status, 200]


@pytest.mark.parametrize("status", KINDS)
@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/",
        "//127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://2130706433:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "https://127.0.0.1:{port}/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://inside.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/",
        "http://me:pw@127.0.0.1:{port}/",
    ],
)
async def test_a_redirect_that_leads_inside_is_blocked(status, location, trap, tmp_path):
    answer = redirect(location.format(port=trap.port), status)
    gate, resolver = OpenGate(), resolving(inside_example="10.0.0.1")
    async with serving(answer) as site, fetching(site.allowance, resolver=resolver) as fetcher:
        error = await failure(fetcher, site.url(), tmp_path, gate=gate)
    assert (error.code, error.transient) == ("blocked_address", False)
    assert trap.connections == 0
    assert len(gate.before_urls) == len(gate.afters)


async def test_a_site_that_moves_inside_between_two_hops_is_blocked(tmp_path):
    resolver = resolving(site_example=["127.0.0.1", "10.0.0.1"])
    async with (
        serving(redirect("/next")) as site,
        fetching(site.allowance, resolver=resolver) as fetcher,
    ):
        error = await failure(fetcher, site.url(host="site.example"), tmp_path)
    assert error.code == "blocked_address"
    assert site.paths() == ["/"]


async def test_a_loop_ends_after_the_allowed_redirects(tmp_path):
    gate = OpenGate()
    async with serving(redirect("/")) as site, fetching(site.allowance) as fetcher:
        error = await failure(fetcher, site.url(), tmp_path, gate=gate)
    assert (error.code, str(error)) == ("redirect_loop", "127.0.0.1: more than 5 redirects")
    assert len(site.requests) == len(gate.afters) == 6


async def test_a_chain_without_end_ends_too(tmp_path):
    number = count(1)

    async def onwards(_, writer):
        writer.write(head(302, location=f"/{next(number)}", content_length=0))

    async with serving(onwards) as site, fetching(site.allowance) as fetcher:
        error = await failure(fetcher, site.url(), tmp_path)
    assert error.code == "redirect_loop"
    assert site.paths() == ["/", "/1", "/2", "/3", "/4", "/5"]


async def test_the_gate_may_stop_a_hop(trap, tmp_path):
    gate = OpenGate(forbidden="localhost")
    async with serving(redirect(trap.url(host="localhost"))) as site:
        allow = f"{site.allowance},{trap.allowance}"
        async with fetching(allow) as fetcher:
            error = await failure(fetcher, site.url(), tmp_path, gate=gate)
    assert error.code == "disallowed"
    assert gate.statuses == [302]
    assert trap.connections == 0


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        pytest.param("http://127.0.0.1:{port}/end", True, id="the same origin"),
        pytest.param("http://localhost:{port}/end", False, id="another host"),
        pytest.param("http://127.0.0.1:{other}/end", False, id="another port"),
    ],
)
async def test_credentials_stay_with_their_origin(location, kept, trap, tmp_path):
    secrets = {"Authorization": "Bearer s3cret", "Cookie": "id=s3cret", "If-None-Match": '"é"'}
    routes = {"/end": fixed()}
    async with serving(routed(routes)) as site:
        routes["/"] = redirect(location.format(port=site.port, other=trap.port))
        allow = f"{site.allowance},{trap.allowance}"
        async with fetching(allow) as fetcher:
            await fetched(fetcher, site.url(), tmp_path, headers=secrets)
    first, last = (site.requests + trap.requests)[:2]
    assert first.count("s3cret") == 2
    assert last.count("s3cret") == (2 if kept else 0)
    assert "é" in last


async def test_cookies_are_not_kept(tmp_path):
    routes = {"/": fixed(b"", 302, location="/end", set_cookie="id=1; Path=/"), "/end": fixed()}
    async with serving(routed(routes)) as site, fetching(site.allowance) as fetcher:
        await fetched(fetcher, site.url(), tmp_path)
    assert not any("cookie" in request.lower() for request in site.requests)


async def test_a_redirect_s_body_is_not_read(tmp_path):
    endless_body = raw(head(302, location="/end", content_length=10**12), b"x" * 1000)
    got = await fetched_of(routed({"/": endless_body, "/end": fixed(b"end")}), tmp_path)
    assert got.size_bytes == 3
