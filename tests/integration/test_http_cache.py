"""What is fetched a second time: real requests to real servers, remembered on a real bus."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from fetch_servers import OpenGate, fetching, files_in, fixed, head, routed, serving
from obstore.store import MemoryStore

from eventjob.artifacts.store import Artifacts
from eventjob.bus.buckets.http_cache import STREAM, open_http_cache
from eventjob.fetch.caps import PAGE
from eventjob.fetch.errors import FetchFailed
from services.processor.fetching.http_cache import SMALL_BYTES, CachedFetcher

SMALL, LARGE = b"<h1>x</h1>", b"x" * (SMALL_BYTES + 1)
DATE = "Sat, 02 Feb 2030 09:50:00 GMT"


class Cached:
    """A cached fetcher, what it stands on, and what time it is there."""

    def __init__(self, fetcher, memory, folder):
        self.now = datetime(2030, 2, 2, 9, 50, tzinfo=UTC)
        self.artifacts = Artifacts(MemoryStore())
        self.gate = OpenGate()
        self.memory = memory
        self._folder = folder
        self._cache = CachedFetcher(fetcher, memory, self.artifacts, lambda: self.now)

    async def fetch(self, url, **options):
        """The answer and its body, of which no file is left."""
        usual = {"caps": PAGE, "gate": self.gate, "directory": self._folder}
        fetched = await self._cache.fetch(url, **usual | options)
        body = fetched.path.read_bytes()
        fetched.path.unlink()
        assert files_in(self._folder) == []
        return msgspec.structs.replace(fetched, path=self._folder), body


@pytest.fixture
def caching(connection, tmp_path):
    """What makes a cached fetcher, and a server that answers it."""

    @asynccontextmanager
    async def made(answer):
        async with serving(answer) as site, fetching(site.allowance) as fetcher:
            yield Cached(fetcher, await open_http_cache(connection), tmp_path), site

    return made


def resource(body=SMALL, **fields):
    """A body that is confirmed where the condition names its description."""
    fields = {"content_type": "text/html; charset=utf-8", "etag": '"v1"'} | fields

    async def answer(request, writer):
        if f"if-none-match: {fields['etag']}" in request:
            writer.write(head(304, **fields))
        else:
            writer.write(head(content_length=len(body), **fields) + body)

    return answer


def conditions(site):
    return ["if-" in request for request in site.requests]


@pytest.mark.parametrize("body", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
async def test_what_is_unchanged_is_not_sent_again_and_looks_the_same(caching, body):
    async with caching(resource(body, last_modified=DATE)) as (cached, site):
        first = await cached.fetch(site.url())
        assert await cached.fetch(site.url()) == first
        assert first[1] == body
        assert first[0].is_artifact is (body == LARGE)
    assert conditions(site) == [False, True]
    assert f"if-modified-since: {DATE}" in site.requests[1]
    assert cached.gate.statuses == [200, 304]


async def test_what_is_fresh_is_not_asked_for_until_it_is_not(caching):
    answer = resource(cache_control="max-age=60")
    async with caching(answer) as (cached, site):
        first = await cached.fetch(site.url())
        cached.now += timedelta(seconds=59)
        assert await cached.fetch(site.url()) == first
        assert (len(site.requests), len(cached.gate.before_urls)) == (1, 1)
        cached.now += timedelta(seconds=1)
        await cached.fetch(site.url())  # confirmed, so that it is fresh once more
        cached.now += timedelta(seconds=59)
        await cached.fetch(site.url())
    assert conditions(site) == [False, True]


async def test_a_caller_may_want_it_checked_or_fetched_anew(caching):
    answer = resource(cache_control="max-age=60")
    async with caching(answer) as (cached, site):
        for reuse in ("never", "checked", "never", "fresh"):
            assert (await cached.fetch(site.url(), reuse=reuse))[1] == SMALL
    assert conditions(site) == [False, True, False]
    asked = ["cache-control: no-cache" in request for request in site.requests]
    assert asked == [True, False, True]


@pytest.mark.parametrize("said", ["no-store", "private", "private, max-age=60"])
async def test_what_may_not_be_kept_is_fetched_each_time(caching, said):
    async with caching(resource(cache_control=said)) as (cached, site):
        assert await cached.fetch(site.url()) == await cached.fetch(site.url())
    assert conditions(site) == [False, False]


async def test_what_may_be_kept_no_more_is_forgotten(caching):
    answers = [resource(cache_control="max-age=60"), resource(cache_control="no-store")]

    async def one_after_the_other(request, writer):
        await answers[min(len(site.requests), 2) - 1](request, writer)

    async with caching(one_after_the_other) as (cached, site):
        for reuse in ("fresh", "never", "fresh"):
            await cached.fetch(site.url(), reuse=reuse)
    assert conditions(site) == [False, False, False]


async def test_a_changed_body_replaces_the_old_one(caching):
    answers = iter([resource(), resource(b"new", etag='"v2"'), resource(b"new", etag='"v2"')])

    async def newer(request, writer):
        await next(answers)(request, writer)

    async with caching(newer) as (cached, site):
        bodies = [(await cached.fetch(site.url()))[1] for _ in range(3)]
    assert bodies == [SMALL, b"new", b"new"]
    assert 'if-none-match: "v2"' in site.requests[2]


async def test_a_condition_goes_along_with_a_redirect(caching):
    moved = fixed(b"", 302, location="/new", cache_control="max-age=60")
    answer = routed({"/old": moved, "/new": resource(cache_control="max-age=60")})
    async with caching(answer) as (cached, site):
        assert await cached.fetch(site.url("/old")) == await cached.fetch(site.url("/old"))
    assert site.paths() == ["/old", "/new", "/old", "/new"]
    assert conditions(site) == [False, False, True, True]


async def test_what_confirms_another_address_confirms_nothing(caching):
    targets = iter(["/one", "/two", "/two"])

    async def moving(_, writer):
        writer.write(head(302, content_length=0, location=next(targets)))

    answer = routed({"/": moving, "/one": resource(b"one"), "/two": resource(b"two")})
    async with caching(answer) as (cached, site):
        bodies = [(await cached.fetch(site.url()))[1] for _ in range(2)]
    assert bodies == [b"one", b"two"]
    assert site.paths() == ["/", "/one", "/", "/two", "/", "/two"]


async def test_a_body_that_is_lost_is_fetched_without_a_condition(caching):
    async with caching(resource(LARGE)) as (cached, site):
        first = await cached.fetch(site.url())
        await cached.artifacts.delete(first[0].sha256)
        assert await cached.fetch(site.url()) == first
        assert await cached.fetch(site.url()) == first
    assert conditions(site) == [False, False, True]


async def test_a_large_body_is_renewed_before_it_is_used_again(caching):
    """So that a sweep, which spares what was stored lately, does not take it."""
    async with caching(resource(LARGE)) as (cached, site):
        first, _ = await cached.fetch(site.url())
        later, before = datetime.now(UTC) + timedelta(minutes=40), datetime.now(UTC)
        cached.artifacts._clock = lambda: later
        assert await cached.artifacts.is_older(first.sha256, later - before)
        await cached.fetch(site.url())
        assert not await cached.artifacts.is_older(first.sha256, later - before)


async def test_what_is_remembered_passes_the_same_walls(caching):
    async with caching(resource(cache_control="max-age=60")) as (cached, site):
        await cached.fetch(site.url())
        small = msgspec.structs.replace(PAGE, max_bytes=1)
        with pytest.raises(FetchFailed) as too_large:
            await cached.fetch(site.url(), caps=small)
        with pytest.raises(FetchFailed) as unwanted:
            await cached.fetch(site.url(), accept=lambda media_type: media_type == "image/png")
    assert (too_large.value.code, unwanted.value.code) == ("too_large", "wrong_type")
    assert conditions(site) == [False, False, False]


async def test_an_address_is_the_same_however_it_is_written(caching):
    answer = resource(cache_control="max-age=60")
    async with caching(answer) as (cached, site):
        await cached.fetch(site.url("/café#one"))
        fetched, _ = await cached.fetch(site.url("/caf%C3%A9#two"))
    assert len(site.requests) == 1
    assert fetched.requested_url.endswith("/caf%C3%A9#two")


async def test_what_another_version_remembers_is_forgotten(caching):
    async with caching(resource()) as (cached, site):
        await cached.fetch(site.url())
        keys = await (await cached.memory.open()).keys()
        await cached.memory.write(keys[0], b"\x81\xa1x\x01")
        assert (await cached.fetch(site.url()))[1] == SMALL
    assert conditions(site) == [False, False]


async def test_the_bucket_is_bounded_and_drops_the_oldest(connection):
    memory = await open_http_cache(connection)
    await connection.jetstream.update_stream(replace(STREAM, max_bytes=3000))
    for name in ("one", "two", "three"):
        await memory.write(name, bytes(1200))
    kept = [name for name in ("one", "two", "three") if await memory.read(name) is not None]
    assert kept == ["two", "three"]


async def test_what_was_remembered_outlives_the_server(connection, nats_server):
    memory = await open_http_cache(connection)
    await memory.write("one", b"known")
    back = asyncio.Event()
    connection.on_reconnect(back.set)
    nats_server.process.terminate()
    nats_server.process.wait()
    nats_server.start()
    async with asyncio.timeout(10):
        await back.wait()
    assert await memory.read("one") == b"known"
