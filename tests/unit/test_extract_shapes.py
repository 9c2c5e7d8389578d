"""The general rules on pages of the shapes that conferences' own sites have."""

import time

import pytest
from tables import row, table

from services.processor.extract.html.document import Document
from services.processor.extract.rungs import microdata, opengraph, page_rules

URL = "https://conf.example/2030/talks/why/"
ADA = ("Ada Lovelace", None)
GRACE = ("Grace Hopper", None)
TEXT = "This talk explains why tests fail, and what to do about it. " * 3


def seen(html, session="something else"):
    facts = page_rules.read(Document(f"<main><h1>Why tests fail</h1>{html}</main>", URL, session))
    known = {name: getattr(facts, name) for name in facts.__struct_fields__}
    known["speakers"] = [(speaker.name, speaker.url) for speaker in facts.speakers]
    return {name: value for name, value in known.items() if value not in (None, (), [], "")}


def known(**facts):
    return facts


SHAPES = {
    "a definition list": (
        """<dl><dt>Speakers</dt><dd>Ada Lovelace</dd><dd>Grace Hopper</dd><dt>Room</dt>
        <dd>Janson</dd><dt>When</dt><dd>Saturday, 13 June 2026, 11:00-11:45 (Europe/Rome)</dd>
        <dt>Track</dt><dd>Testing</dd><dt>Language</dt><dd>German</dd><dt>Format</dt><dd>Talk</dd>
        <dt>Tags</dt><dd>ci, flaky</dd></dl>""",
        known(
            speakers=[ADA, GRACE],
            room="Janson",
            track="Testing",
            type="Talk",
            language="de",
            start="2026-06-13T11:00:00",
            end="2026-06-13T11:45:00",
            timezone="Europe/Rome",
            tags=("ci", "flaky"),
        ),
    ),
    "a German list": (
        """<ul><li><strong>Referentin:</strong> Ada Lovelace</li><li><strong>Raum:</strong> Saal 1
        </li><li><strong>Datum:</strong> 13. Juni 2026</li><li><strong>Uhrzeit:</strong> 11:00 bis
        11:45 Uhr</li><li><b>Sprache</b>: Deutsch</li></ul>""",
        known(
            speakers=[ADA],
            room="Saal 1",
            language="de",
            start="2026-06-13T11:00:00",
            end="2026-06-13T11:45:00",
        ),
    ),
    "plain lines": (
        """<p>Speaker: Ada Lovelace</p><p>Room: Janson<br>Track: Testing<br>Day: Saturday<br>Time:
        11:00 - 11:45</p>""",
        known(speakers=[ADA], room="Janson", track="Testing", start_raw="Saturday 11:00 - 11:45"),
    ),
    "a table without header cells": (
        """<table><tr><td>Speakers</td><td>Ada Lovelace and Grace Hopper</td></tr><tr><td>Room</td>
        <td>Janson</td></tr><tr><td>Start</td><td>2026-06-13 11:00</td></tr><tr><td>Duration</td>
        <td>45 min</td></tr></table>""",
        known(
            speakers=[ADA, GRACE],
            room="Janson",
            start="2026-06-13T11:00:00",
            end="2026-06-13T11:45:00",
        ),
    ),
    "a table with header cells": (
        """<table><tr><th>Presenter</th><td><a href="/p/ada">Ada Lovelace</a></td></tr><tr>
        <th>Location</th><td>Janson</td></tr><tr><th>Date</th><td>June 13, 2026</td></tr><tr>
        <th>Time</th><td>1:00 pm - 1:45 pm</td></tr></table>""",
        known(
            speakers=[("Ada Lovelace", "https://conf.example/p/ada")],
            room="Janson",
            start="2026-06-13T13:00:00",
            end="2026-06-13T13:45:00",
        ),
    ),
    "labels and values in elements": (
        """<div><div><span class="label">Room</span><span>Janson</span></div><div><div>Start time
        </div><div>2026-06-13 09:00</div></div></div><div class="speaker-card"><h3>Ada Lovelace</h3>
        <p>Ada wrote the first one.</p></div>""",
        {"speakers": [ADA], "room": "Janson", "start": "2026-06-13T09:00:00"},
    ),
    "a line below the title, and a heading": (
        """<p><strong>Friday, May 16th, 2025 10:45 a.m.&ndash;noon in Hall B</strong></p>
        <h3>Presented by:</h3><ul><li><a href="/2025/speaker/profile/3/">Ada Lovelace</a></li></ul>
        <h3>Experience Level:</h3><p>Some</p>""",
        known(
            speakers=[("Ada Lovelace", "https://conf.example/2025/speaker/profile/3/")],
            start="2025-05-16T10:45:00",
            end="2025-05-16T12:00:00",
        ),
    ),
    "classes": (
        """<ul class="sz-session__speakers"><li>Ada Lovelace</li><li>Grace Hopper</li></ul>
        <div class="sz-session__room">Room 4</div><div class="sz-session__time">Fri 9:00 - 9:45
        </div>""",
        {"speakers": [ADA, GRACE], "room": "Room 4", "start_raw": "Fri 9:00 - 9:45"},
    ),
    "links to people, and a time": (
        """<p>by <a href="/speakers/ada">Ada Lovelace</a> &amp; <a href="/speakers/grace">Grace
        Hopper</a></p><time datetime="2026-06-13T11:00:00+02:00">11:00</time>""",
        known(
            speakers=[
                ("Ada Lovelace", "https://conf.example/speakers/ada"),
                ("Grace Hopper", "https://conf.example/speakers/grace"),
            ],
            start="2026-06-13T11:00:00+02:00",
        ),
    ),
    "headings with texts": (
        f"""<h2>Abstract</h2><p>{TEXT}</p><h2>Speakers</h2><h3>Ada Lovelace</h3><p>Bio.</p>
        <h3>Grace Hopper</h3><p>Bio.</p><h2>When</h2><p>Sunday at 10:00</p><h2>Where</h2>
        <p>Main hall</p>""",
        known(
            speakers=[ADA, GRACE],
            room="Main hall",
            start_raw="Sunday at 10:00",
            abstract=TEXT.strip(),
        ),
    ),
    "only by whom": ("<h2>by Ada Lovelace</h2>", {"speakers": [ADA]}),
    "an affiliation": (
        "<dl><dt>Presenter(s)</dt><dd>Ada Lovelace (CERN), Grace Hopper (Navy)</dd></dl>",
        {"speakers": [ADA, GRACE]},
    ),
}


@table("html, facts", *(row(name, *shape) for name, shape in SHAPES.items()))
def test_facts_are_found_in(html, facts):
    assert seen(html) == {"title": "Why tests fail", **facts}


NOTHING = {
    "a biography": """<h2>About the author</h2><p><strong>Ada</strong> is a mathematician. Location:
        London, Language: English.</p>""",
    "words that are labels elsewhere": """<h2>Time</h2><p>Time flies like an arrow, and fruit flies
        like a banana if you look.</p><p>The room: it is big. And the track</p>""",
    "a menu": "<ul><li>Speakers</li><li>Schedule</li><li>Venue</li></ul>",
    "other talks": """<h2>Related talks</h2><ul><li>Room: X <a href="/speakers/bob">B</a></li></ul>
        <section class="related-talks"><div class="speaker">Bob Bobson</div></section>""",
    "sponsors": '<div class="sponsors"><h3>Track</h3><p>Acme</p></div>',
    "a date that may mean two days": "<p>3/4/2026 10:00</p>",
    "the date of publishing": "<p>Published 13 June 2026, 11:00</p>",
    "a list of many times": "".join(f"<p>1{n} June 2026, 11:00</p>" for n in range(5)),
    "everybody": "".join(f'<a href="/speakers/{c}">A{c} Bee</a>' for c in "abcdefghijklmnop"),
    "a sentence with with": "<p>with love for all of you.</p>",
    "rooms of several": '<p class="room">A</p><p class="room">B</p>',
    "a table of many columns": """<table><tr><th>Room</th><th>Track</th><th>Time</th></tr><tr>
        <td>A</td><td>B</td><td>9:00</td></tr></table>""",
    "a link that says only profile": '<a href="/speakers/ada">Profile</a>',
}


@pytest.mark.parametrize("html", [pytest.param(html, id=name) for name, html in NOTHING.items()])
def test_nothing_is_found_in(html):
    assert seen(html) == {"title": "Why tests fail"}


@table(
    "html, title",
    ("<title>PyConf 2030</title><h1>PyConf</h1><h2>Why tests fail</h2>", "Why tests fail"),
    ("<title>Why | PyConf</title><body><h2>Menu</h2><h2>Why</h2>", "Why"),
    (
        '<meta property="og:site_name" content="PyConf"><title>Why - not - PyConf</title>',
        "Why - not",
    ),
    ('<meta property="og:site_name" content="PyConf"><title>PyConf :: Why</title>', "Why"),
)
def test_a_title_is_told_from_the_sites_name(html, title):
    assert page_rules.read(Document(html, URL, "why tests fail!")).title == title


HOSTILE = {
    "labels": "<p>Room:</p>" * 30_000,
    "labels within labels": "<div>Room: x" * 5_000,
    "speakers within speakers": "<div class=speaker>Ada" * 1_000,
    "years in one line": "<p>" + "<b>2030</b> " * 3_000,
    "days in one line": "<p>" + "<b>Monday 10:00</b> " * 3_000,
    "items within items": "<div itemscope itemprop=location itemtype=x/Event>" * 2_000,
    "headings of others": "<h2>Related talks</h2>" * 10_000,
    "separators": f"<title>{' - a' * 20_000}</title>",
}


@pytest.mark.parametrize("html", [pytest.param(html, id=name) for name, html in HOSTILE.items()])
def test_no_page_takes_for_ever(html):
    began = time.process_time()
    document = Document(f"<main><h1>Why</h1>{html}</main>", URL, "something else")
    for rung in (microdata, opengraph, page_rules):
        rung.read(document)
    assert time.process_time() - began < 10


def test_an_abstract_ends_at_the_next_heading():
    html = f"<h2>Abstract</h2><p>{TEXT}</p><ul><li>One<li>Two</ul><h3>Needed</h3><p>A laptop</p>"
    assert seen(html)["abstract"] == f"{TEXT.strip()} One Two"


@table(
    "said, names",
    ("please mind the cable, the floor is wet", []),
    ("Ann Bee, PhD, CERN", ["Ann Bee"]),
    ("Smith, John; Doe, Jane", ["Smith, John", "Doe, Jane"]),
    ("jinxx, smtw", ["jinxx", "smtw"]),
    ("none yet", []),
)
def test_a_line_of_speakers_has_names_only(said, names):
    found = seen(f"<p>Speaker: {said}</p>").get("speakers", [])
    assert [name for name, _ in found] == names


@table(
    "html",
    "<p>The outage began on 3 May 2019 at 14:30 and lasted a day.</p>",
    "<p>Time: to be announced</p><p>Doors open on 3 May 2019 at 14:30</p>",
)
def test_a_story_about_another_day_is_no_start(html):
    assert "start" not in seen(html)


def test_what_is_to_be_announced_is_not_known():
    assert seen("<dl><dt>Room</dt><dd>TBA</dd><dt>Track</dt><dd>Ops</dd></dl>") == {
        "title": "Why tests fail",
        "track": "Ops",
    }
