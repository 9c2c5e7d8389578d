"""A session is found by its address or its whole title, and never by likeness."""

import msgspec
from tables import table

from services.processor.extract.facts import Facts, Speaker
from services.processor.extract.html.document import match_key
from services.processor.extract.schedule_link import find_schedule_url
from services.processor.schedule.matching import ScheduleIndex, SessionQuery
from services.processor.schedule.read import ScheduleEntry


def entry(title, *, path=None, names=(), numbers=(), start=None, room=None):
    facts = Facts(title=title, start=start, room=room)
    return ScheduleEntry(
        title=match_key(title),
        paths=(path,) if path else (),
        names=names,
        numbers=numbers,
        start=start,
        facts=msgspec.msgpack.encode(facts),
    )


INDEX = ScheduleIndex(
    [
        entry("Tides", path="/2030/schedule/event/tides", names=("tides",), numbers=("7",)),
        entry("Winds", names=("WQQGUZ",), numbers=("8",)),
        entry("Break", start="2030-02-02T10:00:00", room="A"),
        entry("Break", start="2030-02-02T12:00:00", room="A"),
        entry("Break", start="2030-02-03T10:00:00", room="A"),
        entry("Ropes", path="/talk.php?id=1"),
        entry("Sails", path="/talk.php?id=2"),
        entry("Knots and", path="/twice"),
        entry("Bends", path="/twice"),
    ]
)


@table(
    "url, title, found",
    ("https://mirror.example/2030/schedule/event/tides/", "?", "Tides"),
    ("https://a.example/archive/tides.html", "?", "Tides"),
    ("https://a.example/x/talk/WQQGUZ/?lang=de", "?", "Winds"),
    ("https://a.example/events/8.html", "WINDS!", "Winds"),
    ("https://a.example/events/8.html", "Another", None),
    ("https://a.example/other", "tides", "Tides"),
    ("https://a.example/other", "tide", None),
    ("https://a.example/twice", "?", None),
    ("https://a.example/talk.php?id=2", "?", "Sails"),
    ("https://a.example/", "", None),
)
def test_a_session_is_found(url, title, found):
    facts = INDEX.find(SessionQuery(urls=(url,), titles=(title,)))
    assert (facts and facts.title) == found


@table(
    "day, starttime, start",
    (None, "12:00", "2030-02-02T12:00:00"),
    ("Sunday", "10:00", "2030-02-03T10:00:00"),
    ("2030-02-03", None, "2030-02-03T10:00:00"),
    (None, "10:00", None),
    (None, "13:00", None),
    (None, None, None),
)
def test_of_several_times_the_jobs_own_is_taken_or_none(day, starttime, start):
    wish = SessionQuery(
        urls=("https://a.example/",), titles=("Break",), day=day, starttime=starttime
    )
    facts = INDEX.find(wish)
    assert facts == Facts(title="Break", start=start, room="A")


@table(
    "url, software, links, address",
    ("http://h:81/2030/schedule/event/x/", "fosdem", [], "http://h:81/2030/schedule/xml"),
    ("https://h/m/2030/schedule/event/x", "fosdem", [], "https://h/m/2030/schedule/xml"),
    (
        "https://h/2030/schedule/event/x/",
        "fosdem",
        ["https://o/schedule.xml", "https://h/schedule.json"],
        "https://h/schedule.json",
    ),
    (
        "https://h/2030/schedule/event/x/",
        "fosdem",
        ["https://o/schedule.xml"],
        "https://h/2030/schedule/xml",
    ),
    ("https://h/2030/schedule/event/x/", None, [], None),
    ("https://h/c/talk/AB12CD/", "pretalx", [], "https://h/c/schedule/export/schedule.json"),
    ("https://h/c/talk/AB12CD/", None, [], None),
    ("https://h/F/events/7.html", "frab", [], "https://h/F/schedule.json"),
    (
        "https://h/talks/7",
        None,
        ["https://h/schedule/", "https://o/schedule.xml", "https://h/d/schedule.json?x"],
        "https://h/d/schedule.json?x",
    ),
    ("https://h/talks/7", None, ["https://o/fahrplan.xml"], "https://o/fahrplan.xml"),
)
def test_a_schedule_is_at(url, software, links, address):
    assert find_schedule_url(url, software, links) == address


def test_of_two_sessions_with_one_title_only_what_they_have_in_common_is_said():
    one = Facts(title="Lightning Talks", id="1", track="Main", speakers=(Speaker("Ada"),))
    two = Facts(title="Lightning Talks", id="2", track="Main", speakers=(Speaker("Grace"),))
    index = ScheduleIndex(
        ScheduleEntry(
            title=match_key("Lightning Talks"),
            paths=(),
            names=(),
            numbers=(),
            start=None,
            facts=msgspec.msgpack.encode(facts),
        )
        for facts in (one, two)
    )
    wish = SessionQuery(urls=("https://a.example/",), titles=("Lightning talks",))
    assert index.find(wish) == Facts(title="Lightning Talks", track="Main")
