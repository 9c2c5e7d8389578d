"""Answers that would cost us memory, disk or time: each is cut at its cap."""

import asyncio
import gzip
import re
import zlib
from datetime import timedelta
from itertools import chain, repeat
from pathlib import Path

import msgspec
import pytest
from fetch_servers import (
    OpenGate,
    endless,
    failure,
    failure_of,
    fetched_of,
    fetching,
    fixed,
    head,
    raw,
    serving,
)

from eventjob.fetch.caps import FILE, IMAGE, MEGABYTE, PAGE

GIGABYTE = 1024 * MEGABYTE
ZEROS = b"\0" * MEGABYTE
QUICK = msgspec.structs.replace(
    PAGE, read=timedelta(seconds=0.2), total=timedelta(seconds=0.6), connect=timedelta(seconds=0.2)
)
SMALL = msgspec.structs.replace(PAGE, max_bytes=1000, max_raw_bytes=1000)


def test_the_caps_are_the_documented_ones():
    assert [caps.max_bytes // MEGABYTE for caps in (PAGE, IMAGE, FILE)] == [5, 10, 100]
    assert [caps.total.total_seconds() for caps in (PAGE, IMAGE, FILE)] == [60, 60, 600]
    assert {(caps.connect.seconds, caps.read.seconds) for caps in (PAGE, IMAGE, FILE)} == {(5, 10)}
    assert {(caps.redirects, caps.ratio) for caps in (PAGE, IMAGE, FILE)} == {(5, 100)}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(endless(head(content_length=1001)), id="announced"),
        pytest.param(endless(head(), b"x" * 100), id="until the connection closes"),
        pytest.param(
            endless(head(transfer_encoding="chunked"), b"64\r\n" + b"x" * 100 + b"\r\n"),
            id="chunked",
        ),
    ],
)
async def test_a_body_over_the_cap_is_cut(answer, tmp_path):
    error = await failure_of(answer, tmp_path, caps=SMALL)
    assert (error.code, error.transient) == ("too_large", False)
    assert str(error).startswith("127.0.0.1 sent more than 0.00095")


async def test_the_wire_has_a_cap_of_its_own(tmp_path):
    members = head(content_encoding="gzip") + gzip.compress(b"") * 100  # unpacks to nothing
    caps = msgspec.structs.replace(PAGE, max_raw_bytes=1000)
    error = await failure_of(raw(members), tmp_path, caps=caps)
    assert error.code == "too_large"


async def test_a_body_of_just_the_cap_is_fine(tmp_path):
    got = await fetched_of(fixed(b"x" * 1000), tmp_path, caps=SMALL)
    assert got.size_bytes == 1000


@pytest.mark.parametrize(
    ("coding", "wbits"), [("gzip", 31), ("deflate", zlib.MAX_WBITS), ("deflate", -zlib.MAX_WBITS)]
)
@pytest.mark.parametrize(
    ("caps", "complaint"),
    [
        pytest.param(PAGE, "unpacks to more than 100 times its size", id="page"),
        pytest.param(FILE, "unpacks to more than 100 times its size", id="file"),
        pytest.param(
            msgspec.structs.replace(FILE, ratio=10_000), "sent more than 100 MB", id="no ratio"
        ),
    ],
)
async def test_a_bomb_is_defused_in_little_memory(coding, wbits, caps, complaint, tmp_path):
    async with serving(bomb(coding, wbits)) as site, fetching(site.allowance) as fetcher:
        before = peak_rss_bytes(reset=True)
        error = await failure(fetcher, site.url(), tmp_path, caps=caps)
    assert error.code == "too_large"
    assert complaint in str(error)
    assert peak_rss_bytes() - before < 50 * MEGABYTE


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress"])
async def test_a_coding_that_we_did_not_ask_for_is_not_read(coding, tmp_path):
    packed = endless(head(content_encoding=coding), b"\x5b\xff\xff\x7f" * 1000)
    error = await failure_of(packed, tmp_path)
    assert (error.code, error.transient) == ("wrong_type", False)
    assert repr(coding) in str(error)


async def test_a_small_body_may_be_packed_well(tmp_path):
    packed = zlib.compress(b"\0" * MEGABYTE)
    assert MEGABYTE / len(packed) > PAGE.ratio
    got = await fetched_of(fixed(packed, content_encoding="deflate"), tmp_path)
    assert got.size_bytes == MEGABYTE


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(endless(b""), id="no head"),
        pytest.param(endless(b"HTTP/1.1 200 OK\r\ncontent-"), id="half a head"),
        pytest.param(endless(head(content_length=9)), id="no body"),
        pytest.param(endless(head(content_length=9) + b"half"), id="half a body"),
    ],
)
async def test_a_server_that_falls_silent_is_left(answer, tmp_path):
    error = await failure_of(answer, tmp_path, caps=QUICK)
    assert (error.code, error.transient) == ("timeout", True)
    assert str(error) == "127.0.0.1 sent nothing for 0.2 s"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(endless(b"HTTP/1.1 200 OK\r\nx: ", b"x", 0.05), id="a header's bytes"),
        pytest.param(endless(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n", 0.05), id="headers"),
        pytest.param(endless(head(content_length=9000), b"x", 0.05), id="a body's bytes"),
        pytest.param(endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="nothing but hope"),
        pytest.param(
            endless(head(transfer_encoding="chunked"), b"1\r\nx\r\n", 0.05), id="small chunks"
        ),
    ],
)
async def test_a_server_that_drips_is_cut_when_the_time_is_up(answer, tmp_path):
    gate, loop = OpenGate(), asyncio.get_running_loop()
    begun = loop.time()
    async with serving(answer) as site, fetching(site.allowance) as fetcher:
        error = await failure(fetcher, site.url(), tmp_path, caps=QUICK, gate=gate)
        took_s = loop.time() - begun
    assert (error.code, error.transient) == ("timeout", True)
    assert str(error) == "127.0.0.1 was not done within 0.6 s"
    assert 0.5 < took_s < 3
    assert len(gate.afters) == 1


async def test_the_total_time_is_shared_by_all_redirects(tmp_path):
    async def later(_, writer):
        await asyncio.sleep(0.15)
        writer.write(head(302, location="/", content_length=0))

    async with serving(later) as site, fetching(site.allowance) as fetcher:
        error = await failure(fetcher, site.url(), tmp_path, caps=QUICK)
    assert error.code == "timeout"
    assert len(site.requests) < 6


async def test_the_gate_s_waiting_is_not_the_server_s_fault(tmp_path):
    class SlowGate(OpenGate):
        async def before_request(self, url):
            await asyncio.sleep(QUICK.total.total_seconds())
            await super().before_request(url)

    got = await fetched_of(fixed(), tmp_path, caps=QUICK, gate=SlowGate())
    assert got.status == 200


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(repeat(b"x: " + b"y" * 1000 + b"\r\n"), id="many"),
        pytest.param(chain([b"x: "], repeat(b"y" * 1000)), id="one without end"),
    ],
)
async def test_huge_headers_are_refused(fields, tmp_path):
    async def answer(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for field in fields:
            writer.write(field)
            await writer.drain()

    error = await failure_of(answer, tmp_path)
    assert (error.code, str(error)) == ("too_large", "127.0.0.1 sent more than 100 KB of headers")


async def test_a_silent_name_server_is_left(tmp_path):
    async def resolve(_):
        await asyncio.Event().wait()

    async with fetching(resolver=resolve) as fetcher:
        error = await failure(fetcher, "http://slow.example/", tmp_path, caps=QUICK)
    assert (error.code, error.transient) == ("dns_failed", True)
    assert str(error) == "slow.example: no answer from DNS within 0.2 s"


def bomb(coding, wbits):
    """A gigabyte of zeros in about a megabyte, packed while it is sent."""

    async def answer(_, writer):
        packer = zlib.compressobj(wbits=wbits)
        writer.write(head(content_encoding=coding))
        for _ in range(GIGABYTE // len(ZEROS)):
            writer.write(packer.compress(ZEROS))
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(packer.flush())

    return answer


def peak_rss_bytes(*, reset=False):
    """The most memory that this process has had, from now on where ``reset``."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("only Linux tells the peak of its memory")
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) * 1024
