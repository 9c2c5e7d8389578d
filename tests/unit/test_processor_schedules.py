"""A session's facts come from its conference's schedule, which is fetched once for all of them."""

import asyncio
from datetime import timedelta

from fakes_processor import PAGE_HTML, URL, Answer, Setup
from tables import table

from eventjob.contracts.work import WorkFailed
from eventjob.fetch.client import FetchFailed

SCHEDULE = "https://conf.example/schedule.xml"
XML = """<schedule><conference><title>Testconf</title></conference><day date="2030-02-02">
<room name="Janson"><event id="1"><start>10:00</start><duration>00:25</duration>
<title>Why tests fail</title><track>Quality</track><abstract>On tests.</abstract>
<url>{url}</url><persons><person>Ada</person></persons></event></room></day></schedule>"""
LINKED = PAGE_HTML.replace(b"<main>", b'<main><a href="/schedule.xml">Schedule</a>')


def setup(tmp_path, schedule=None, page=LINKED):
    schedule = schedule or Answer(XML.format(url=URL).encode(), "application/xml")
    return Setup(tmp_path, {URL: Answer(page), SCHEDULE: schedule})


async def front_of(made, **changes):
    return await made.front(await made.run(**changes))


async def test_the_schedule_knows_day_room_track_and_speakers(tmp_path):
    front = await front_of(setup(tmp_path), speakers=["Someone else"])
    assert front["start"] == "2030-02-02T10:00:00"
    assert front["end"] == "2030-02-02T10:25:00"
    assert (front["room"], front["track"]) == ("Janson", "Quality")
    assert front["speakers"] == [{"name": "Ada"}]
    sources = front["extraction"]["field_sources"]
    assert {sources[name] for name in ("start", "end", "room", "track", "speakers")} == {"schedule"}
    assert front["extraction"]["warnings"] == []


async def test_it_is_fetched_once_for_many_sessions_at_a_time(tmp_path):
    made = setup(tmp_path)
    await asyncio.gather(*(made.handler(made.task()) for _ in range(5)))
    assert made.web.fetched.count(SCHEDULE) == 1
    made.seconds += 3600
    await made.handler(made.task())
    assert made.web.fetched.count(SCHEDULE) == 2


async def test_a_page_without_text_becomes_what_the_schedule_says(tmp_path):
    shell = b'<title>App</title><a href="/schedule.xml">Schedule</a><div id="app"></div>'
    made = setup(tmp_path, page=shell)
    outcome = await made.run()
    markdown = await made.markdown(outcome)
    assert "On tests." in markdown.split("---\n", 2)[2]
    assert (await made.front(outcome))["extraction"]["method"] == "schedule"


@table(
    "schedule, warning",
    (FetchFailed("http_404", "it answered 404"), "schedule_unavailable"),
    (FetchFailed("disallowed", "robots.txt says no"), "schedule_unavailable"),
    (Answer(b"<html>", "text/html"), "schedule_unreadable"),
    (Answer(XML.replace("Why tests", "Why others").format(url="x").encode()), "schedule_without"),
)
async def test_without_a_schedule_there_is_a_warning(tmp_path, schedule, warning):
    front = await front_of(setup(tmp_path, schedule))
    assert [text for text in front["extraction"]["warnings"] if text.startswith(warning)]
    assert "start" not in front


async def test_a_session_waits_for_its_schedule_where_the_host_asks_to_wait(tmp_path):
    wait = FetchFailed("postponed", "later", transient=True, retry_after=timedelta(seconds=30))
    outcome = await setup(tmp_path, wait).run()
    assert isinstance(outcome, WorkFailed)
    assert (outcome.counted, outcome.retry_after_s) == (False, 30.0)
