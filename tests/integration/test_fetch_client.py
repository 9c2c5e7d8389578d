"""One fetch from end to end: what comes back, what is left behind, what the gate hears."""

import asyncio
import gzip
import hashlib
import zlib
from datetime import timedelta
from pathlib import Path

import pytest
from fetch_servers import (
    OpenGate,
    endless,
    failure,
    failure_of,
    fetched,
    fetched_of,
    fetching,
    files_in,
    fixed,
    head,
    raw,
    resolving,
    serving,
)

from eventjob.fetch.client import FetchResult

TEXT = "größte Bühne\n".encode() * 5000


async def test_an_answer_is_told_whole(tmp_path):
    site_says = fixed(TEXT, Content_Type="Text/HTML; charset=ISO-8859-1", ETag='"1"')
    gate = OpenGate()
    async with serving(site_says) as site, fetching(site.allowance) as fetcher:
        url = site.url("/große bühne?q=ä#part".replace(" ", "-"))
        got = await fetched(fetcher, url, tmp_path, gate=gate)
    final = site.url("/gro%C3%9Fe-b%C3%BChne?q=%C3%A4")
    headers = {
        "content-length": str(len(TEXT)),
        "content-type": "Text/HTML; charset=ISO-8859-1",
        "etag": '"1"',
    }
    assert got == FetchResult(
        requested_url=url,
        final_url=final,
        status=200,
        headers=headers,
        path=got.path,
        size_bytes=len(TEXT),
        sha256=hashlib.sha256(TEXT).hexdigest(),
        media_type="text/html",
        charset="iso-8859-1",
    )
    assert Path(got.path).parent == tmp_path
    assert got.path.read_bytes() == TEXT
    assert (gate.before_urls, gate.afters) == ([final], [(final, 200, headers)])


async def test_who_we_are_is_said_and_gzip_is_all_that_is_asked_for(tmp_path):
    async with serving(fixed()) as site, fetching(site.allowance) as fetcher:
        await fetched(fetcher, site.url(), tmp_path, headers={"If-None-Match": '"é"'})
    (request,) = site.requests
    fields = dict(line.split(": ", 1) for line in request.lower().split("\r\n")[1:-2])
    assert fields == {
        "host": f"127.0.0.1:{site.port}",
        "user-agent": "eventjob-test/1",
        "accept": "*/*",
        "accept-encoding": "gzip",
        "if-none-match": '"é"',
    }


@pytest.mark.parametrize(
    ("content_type", "media_type", "charset"),
    [
        ('text/html; charset="utf-8"', "text/html", "utf-8"),
        ("text/html; charset=größe", "text/html", None),
        ("text/html; charset=é; charset=utf-8", "text/html", None),
        (";;;=;charset", "", None),
        ("x" * 5000, "x" * 5000, None),
    ],
)
async def test_a_strange_type_is_taken_as_it_is(content_type, media_type, charset, tmp_path):
    site_says = fixed(content_type=content_type)
    got = await fetched_of(site_says, tmp_path)
    assert got.media_type == media_type
    assert charset is None or got.charset == charset


@pytest.mark.parametrize(
    ("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)]
)
async def test_a_packed_body_is_stored_unpacked(coding, pack, tmp_path):
    site_says = fixed(pack(TEXT), content_encoding=coding)
    got = await fetched_of(site_says, tmp_path)
    assert got.path.read_bytes() == TEXT
    assert (got.size_bytes, got.sha256) == (len(TEXT), hashlib.sha256(TEXT).hexdigest())


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([head(), b"hel", b"lo"], id="until the connection closes"),
        pytest.param([b"HTTP/1.0 200 OK\r\n\r\nhello"], id="HTTP 1.0"),
        pytest.param(
            [head(transfer_encoding="chunked"), b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"], id="chunked"
        ),
        pytest.param([head(103), head(content_length=5), b"hello"], id="after early hints"),
    ],
)
async def test_a_body_comes_whole_however_its_end_is_marked(pieces, tmp_path):
    got = await fetched_of(raw(*pieces), tmp_path)
    assert (got.path.read_bytes(), got.media_type, got.charset) == (b"hello", "", None)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([], id="nothing"),
        pytest.param([b"HTTP/1.1 200 OK\r\ncontent-le"], id="half a head"),
        pytest.param([head(content_length=100), b"half"], id="half of what was announced"),
        pytest.param([head(transfer_encoding="chunked"), b"5\r\nhello\r\n"], id="no last chunk"),
        pytest.param([head(transfer_encoding="chunked"), b"zz\r\n"], id="no chunk at all"),
        pytest.param([head(content_encoding="gzip"), gzip.compress(TEXT)[:-9]], id="cut gzip"),
        pytest.param([b"SSH-2.0-OpenSSH_9.2\r\n\r\n"], id="another protocol"),
    ],
)
async def test_a_broken_off_answer_is_never_a_short_success(pieces, tmp_path):
    error = await failure_of(raw(*pieces), tmp_path)
    assert (error.code, error.transient) == ("connect_failed", True)
    assert str(error).startswith("127.0.0.1 ")


async def test_a_status_becomes_the_code_and_its_pause_is_kept(tmp_path):
    gate = OpenGate()
    busy = fixed(b"busy", status=503, retry_after=120)
    async with serving(busy) as site, fetching(site.allowance) as fetcher:
        error = await failure(fetcher, site.url("/?token=s3cret"), tmp_path, gate=gate)
    assert (error.code, error.transient) == ("http_503", True)
    assert error.retry_after == timedelta(minutes=2)
    assert str(error) == "127.0.0.1 answered 503 Service Unavailable"
    assert gate.statuses == [503]
    assert gate.afters[0][2]["retry-after"] == "120"


async def test_not_modified_is_an_empty_answer_where_it_was_asked_for(tmp_path):
    unchanged = raw(head(304, etag='"1"', content_encoding="br", content_length=5))
    async with serving(unchanged) as site, fetching(site.allowance) as fetcher:
        asked = {"If-None-Match": '"1"'}
        got = await fetched(fetcher, site.url(), tmp_path, headers=asked, accept=lambda _: False)
        got.path.unlink()
        error = await failure(fetcher, site.url(), tmp_path)
    assert (got.status, got.size_bytes, got.headers["etag"]) == (304, 0, '"1"')
    assert (error.code, error.transient) == ("http_304", False)


async def test_an_unwanted_type_is_not_read(tmp_path):
    asked = []
    endless_video = endless(head(content_type="Video/MP4; x=1"), b"x" * 1000)
    error = await failure_of(endless_video, tmp_path, accept=asked.append)
    assert (error.code, error.transient) == ("wrong_type", False)
    assert str(error) == "127.0.0.1 sent the type 'video/mp4', which is not wanted here"
    assert asked == ["video/mp4"]


async def test_nobody_listening_is_a_failed_connection(tmp_path):
    gate = OpenGate()
    async with serving(fixed()) as gone:
        pass
    async with fetching(gone.allowance) as fetcher:
        error = await failure(fetcher, gone.url(), tmp_path, gate=gate)
    assert (error.code, error.transient) == ("connect_failed", True)
    assert gate.afters == [(gone.url(), 0, {})]


async def test_an_unknown_host_is_a_matter_of_dns(tmp_path):
    gate = OpenGate()
    async with fetching(resolver=resolving()) as fetcher:
        error = await failure(fetcher, "http://nowhere.example/", tmp_path, gate=gate)
    assert error.code == "dns_failed"
    assert gate.statuses == [0]


async def test_a_host_s_next_address_is_tried_where_the_first_is_dead(tmp_path):
    resolver = resolving(site_example="127.0.0.2 127.0.0.1")
    async with serving(fixed()) as site:
        allow = f"127.0.0.0/8:{site.port}"
        async with fetching(allow, resolver=resolver) as fetcher:
            url = site.url(host="site.example")
            got = await fetched(fetcher, url, tmp_path)
    assert got.status == 200


async def test_a_connection_is_kept_for_the_next_request(tmp_path):
    async with (
        serving(fixed(), requests_per_connection=2) as site,
        fetching(site.allowance) as fetcher,
    ):
        for _ in range(2):
            await fetched(fetcher, site.url(), tmp_path)
    assert (site.connections, len(site.requests)) == (1, 2)


async def test_a_cancelled_fetch_leaves_nothing_and_the_gate_knows(tmp_path):
    gate = OpenGate()
    slow = endless(head(content_length=10**6) + b"x" * 1000)
    async with serving(slow) as site, fetching(site.allowance) as fetcher:
        fetch = fetched(fetcher, site.url(), tmp_path, gate=gate)
        task = asyncio.create_task(fetch)
        async with asyncio.timeout(5):
            while not files_in(tmp_path):
                await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert files_in(tmp_path) == []
    assert gate.statuses == [200]
