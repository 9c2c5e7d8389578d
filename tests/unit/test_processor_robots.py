import asyncio
from datetime import timedelta

import pytest
from fakes_processor import Answer, FakeHosts, FakeWeb, OpenGate, until

from eventjob.fetch.client import FetchFailed
from services.processor.fetching.gate import POSTPONED, PoliteGate
from services.processor.fetching.host_limiter import open_limiter
from services.processor.fetching.host_slots import Pace
from services.processor.fetching.robots import CACHE_TIME, MAX_DELAY_S, MAX_ORIGINS, Robots

ROBOTS = "https://conf.example/robots.txt"
PAGE = "https://conf.example/talks/one"
RULES = b"""User-agent: *
Disallow: /private/
Disallow: /*.pdf$
Crawl-delay: 3
"""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def robots_of(answers, folder, clock):
    web = FakeWeb(answers)
    return Robots(fetcher=web, gate=OpenGate(), folder=folder, clock=clock), web


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/talks/one", True), ("/private/x", False), ("/a.pdf", False), ("/a.pdf?x", True)],
)
async def test_rules_with_wildcards_are_followed(tmp_path, clock, path, allowed):
    robots, _ = robots_of({ROBOTS: Answer(RULES, "text/plain")}, tmp_path, clock)
    rules = await robots.rules(f"https://conf.example{path}")
    assert rules.allow(f"https://conf.example{path}") is allowed


async def test_a_group_of_our_own_name_counts_before_all_others(tmp_path, clock):
    text = b"User-agent: *\nDisallow: /\nUser-agent: eventjob\nDisallow: /x\n"
    robots, _ = robots_of({ROBOTS: Answer(text, "text/plain")}, tmp_path, clock)
    assert (await robots.rules(PAGE)).allow(PAGE)


@pytest.mark.parametrize(
    ("text", "delay_s"), [(RULES, 3.0), (b"User-agent: *\nCrawl-delay: 86400", MAX_DELAY_S)]
)
async def test_a_crawl_delay_is_heeded_within_reason(tmp_path, clock, text, delay_s):
    robots, _ = robots_of({ROBOTS: Answer(text, "text/plain")}, tmp_path, clock)
    assert (await robots.rules(PAGE)).delay_s == delay_s


@pytest.mark.parametrize("code", ["http_404", "http_403", "http_410", "redirect_loop"])
async def test_without_robots_txt_all_is_allowed(tmp_path, clock, code):
    robots, _ = robots_of({ROBOTS: FetchFailed(code, "none")}, tmp_path, clock)
    assert (await robots.rules(PAGE)).allow(PAGE)


@pytest.mark.parametrize(
    ("failure", "transient"),
    [
        (FetchFailed("http_503", "away", transient=True), True),
        (FetchFailed("http_501", "odd"), True),
        (FetchFailed("http_429", "slow down", transient=True), True),
        (FetchFailed("connect_failed", "conf.example refused", transient=True), True),
        (FetchFailed("timeout", "too slow", transient=True), True),
        (FetchFailed("dns_failed", "no such host"), False),
        (FetchFailed("tls_failed", "expired"), False),
        (FetchFailed("too_large", "5 MB"), False),
    ],
)
async def test_where_nobody_can_say_nothing_is_fetched(tmp_path, clock, failure, transient):
    robots, web = robots_of({ROBOTS: failure}, tmp_path, clock)
    with pytest.raises(FetchFailed) as caught:
        await robots.rules(PAGE)
    assert (caught.value.code, caught.value.transient) == (failure.code, transient)
    assert str(caught.value) == f"robots.txt of conf.example: {failure}"
    web.answers[ROBOTS] = Answer(RULES, "text/plain")
    assert (await robots.rules(PAGE)).allow(PAGE), "a failure is not kept"


async def test_rules_are_kept_for_a_day_and_for_each_origin(tmp_path, clock):
    robots, web = robots_of({ROBOTS: Answer(RULES, "text/plain")}, tmp_path, clock)
    await robots.rules(PAGE)
    await robots.rules("https://conf.example/talks/two")
    await robots.rules("https://conf.example:8443/talks/two")
    assert web.fetched == [ROBOTS, "https://conf.example:8443/robots.txt"]
    clock.now = CACHE_TIME.total_seconds() + 1
    await robots.rules(PAGE)
    assert web.fetched[2:] == [ROBOTS]
    assert list(tmp_path.iterdir()) == []


async def test_many_who_ask_at_once_share_one_fetch_also_where_one_gives_up(tmp_path, clock):
    release = asyncio.Event()

    async def slowly():
        await release.wait()
        return Answer(RULES, "text/plain")

    robots, web = robots_of({ROBOTS: slowly}, tmp_path, clock)
    asking = [asyncio.create_task(robots.rules(PAGE)) for _ in range(5)]
    await until(lambda: web.fetched)
    asking[0].cancel()
    release.set()
    first, *others = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(first, asyncio.CancelledError)
    assert all(rules.delay_s == 3.0 for rules in others)
    assert web.fetched == [ROBOTS]


async def test_the_rules_of_many_hosts_do_not_pile_up(tmp_path, clock):
    robots, _ = robots_of({}, tmp_path, clock)
    for number in range(MAX_ORIGINS + 5):
        await robots.rules(f"https://h{number}.example/")
    assert len(robots._rules._cache) == MAX_ORIGINS


async def test_the_gate_refuses_what_robots_txt_disallows(tmp_path, clock):
    robots, _ = robots_of({ROBOTS: Answer(RULES, "text/plain")}, tmp_path, clock)
    async with open_limiter(FakeHosts()) as turns:
        gate = PoliteGate(turns, Pace(0.0, 2), timedelta(seconds=60), robots)
        with pytest.raises(FetchFailed) as caught:
            await gate.before_request("https://conf.example/private/x")
        assert (caught.value.code, caught.value.transient) == ("disallowed", False)
        assert turns._hosts == {}


@pytest.mark.parametrize(
    ("status", "headers", "wait_s"),
    [
        (429, {"retry-after": "120"}, 120),
        (503, {"retry-after": "7200"}, 3600),
        (429, {}, 10),
    ],
)
async def test_a_host_that_asks_for_silence_postpones_others(status, headers, wait_s):
    async with open_limiter(FakeHosts()) as turns:
        gate = PoliteGate(turns, Pace(0.0, 2), timedelta(seconds=5))
        await gate.before_request(PAGE)
        await gate.after_request(PAGE, status, headers)
        with pytest.raises(FetchFailed) as caught:
            await gate.before_request("https://conf.example./other")
        assert (caught.value.code, caught.value.transient) == (POSTPONED, True)
        assert wait_s - 5 < caught.value.retry_after.total_seconds() <= wait_s


@pytest.mark.parametrize("status", [0, 200, 302, 404, 500])
async def test_any_other_answer_only_ends_the_turn(status):
    async with open_limiter(FakeHosts()) as turns:
        gate = PoliteGate(turns, Pace(0.0, 1), timedelta(seconds=5))
        for _ in range(3):
            await gate.before_request(PAGE)
            await gate.after_request(PAGE, status, {"retry-after": "120"})
