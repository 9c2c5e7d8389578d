"""Each adapter on pages in the markup of its software, old and new."""

import pytest
from tables import table

from services.processor.extract.adapters import registry
from services.processor.extract.facts import Link, Speaker, Video
from services.processor.extract.html.document import Document

HOST = "https://mirror.example"
URL = f"{HOST}/2030/talk/AB3DEF/"


def read(html, session="something else"):
    found = registry.read(Document(html, URL, session))
    return found or (None, None)


def files(facts):
    return [(file.kind, file.title, file.url) for file in facts.files]


SIDE = """<ul class="side-box"><li><i class="icon-road"></i> <strong>Track</strong>:
<a href="../../track/x/">Ada &amp; friends</a></li><li><strong>Room</strong>: <a href="#">H.1</a>
</li><li><strong>Day</strong>: <a href="#">Sunday</a></li><li><strong>Start{zone}</strong>:
<a href="#">09:50</a></li><li><strong>End{zone}</strong>: <a href="#">10:15</a></li></ul>"""
TEXT = """<div class="event-blurb"><div class="event-abstract"><p>Why
<b>tests</b>.</p><p>Fail!</p>
</div><div class="event-description"><p>See <a href="/more">more</a><img src="/a.png" alt="A">
</p></div></div>"""
REST = """<h3>Speakers</h3><table><tr><td><a href="/s/ada/"><img class="thumb"
src="x.jpg"></a></td>
<td><a href="/s/ada/">Ada L.</a></td></tr></table><h3>Attachments</h3>
<ul class="event-attachments unstyled"><li><i class="icon-list"></i> <a href="a/one.jpeg">One</a>
</li><li><i class="icon-book"></i> <a href="a/two">Two (pdf)</a></li></ul><h3>Links</h3><ul>
<li><a href="https://v.example/x.webm">Recording</a></li><li><a href="https://f.example/7">Submit
feedback</a></li></ul><h3>Concurrent events:</h3><ul><li><a href="/other">Other</a></li></ul>"""
FOSDEM = {
    "in 2013": f"""<h1 class="logo">FOSDEM</h1><div id="main"><h1 class="schedule-title">Why</h2>
{SIDE.format(zone="")}{TEXT}{REST}</div>""",
    "in 2026": f"""<header><h1 id="banner">FOSDEM'26</h1></header><div id="main">
<div id="pagetitles"><h1>Why</h1></div>{SIDE.format(zone=" (UTC+1)")}{TEXT}<div
class="video"><video>
<source src="https://v.example/x.webm"></video></div>{REST}</div>""",
}


@pytest.mark.parametrize("html", [pytest.param(html, id=year) for year, html in FOSDEM.items()])
def test_an_event_of_fosdem_is_read(html):
    name, facts = read(html)
    assert (name, facts.title) == ("adapter:fosdem", "Why")
    assert (facts.track, facts.room) == ("Ada & friends", "H.1")
    assert (facts.start, facts.start_raw, facts.end_raw) == (None, "Sunday 09:50", "10:15")
    assert facts.speakers == (Speaker("Ada L.", f"{HOST}/s/ada/"),)
    assert facts.abstract == "Why tests. Fail!"
    assert f"[more]({HOST}/more)" in facts.body
    assert files(facts) == [
        ("slides", "One", f"{URL}a/one.jpeg"),
        ("attachments", "Two (pdf)", f"{URL}a/two"),
        ("images", "A", f"{HOST}/a.png"),
    ]
    assert facts.links == (
        Link("Recording", "https://v.example/x.webm"),
        Link("Submit feedback", "https://f.example/7"),
    )
    assert facts.videos == (Video("https://v.example/x.webm", "video/webm", "recording"),)


WHEN = """<span class=timerange-block>2030-11-16 <time datetime="2030-11-16 14:30"
data-isodatetime=2030-11-16T14:30:00+01:00 date-timezone=Europe/Berlin>14:30</time>&ndash;<time
datetime="2030-11-16 15:00" data-isodatetime=2030-11-16T15:00:00+01:00>15:00</time></span>"""
RESOURCES = """<section class=resources>See also: <ul><li><a href=/media/x/deck><i
class="fa fa-file-o"></i> Deck, <b>big</b> (1.2 MB)</a><li><a href=https://code.example/>Code</a>
</ul></section>"""
PRETALX_2018 = """<h3 class="talk-title">»Why: tests«<small>2030-11-16, 14:30&ndash;15:00, Room,
two
</small></h3><div class="talk row"><div class="talk-content"><em>This talk will not be recorded.
</em><div class="description"><p>Long.</p></div><div class="abstact"><p>Short.</p></div></div>
<div class="bordered-list"><div class="info"><a href="/s/ada/">Ada</a><div>A
bio.</div></div></div>
</div>"""
PRETALX_2025 = f"""<!doctype html><meta content=pretalx name=generator><header><h1><a href=/>Conf
</a></h1></header><main><article><h3 class=talk-title><div class=heading-with-buttons><span> Why:
tests <button id=fav-button>Save</button></span><div class=buttons id=talk-buttons><a href=x.ics>
.ical</a></div></div><small class=text-muted>{WHEN}, Room, two <i class="fa
fa-question-circle"></i>
<div class=speakers><strong>Language:</strong> Deutsch</div><span class=fa-stack><i
class="fa do-not-record"></i></span> <em>Don&rsquo;t record this session.</em></small></h3><div
class="talk row"><div class=talk-content><iframe src=https://player.example/1></iframe><section
class=abstract><p>Short.</section><hr><section
class=description><p>Long.</section>{RESOURCES}</div>
</div><div class=pretalx-session><div class=avatar><a href=/s/ada/><img src=a.svg></a></div><div
class=pretalx-session-info><div class=title><a href=/s/ada/>Ada</a></div><div class=abstract><p>A
bio.</div>This speaker also appears in: <ul><li><a href=/talk/XXXXXX/>Other</a></ul></div></div>
</article></main>"""
PRETALX_2026 = f"""<meta name="generator" content="pretalx"><header><h1>Conf</h1></header><main>
<h1>Why: tests</h1><div class="talk-layout"><div class="talk-content"><iframe
src="https://player.example/1"></iframe><div class="text-content"><div
class="abstract"><p>Short.</p>
</div><div class="description"><p>Long.</p></div></div><div class="talk-speakers"><a
class="talk-speaker-card" href="/s/ada/"><div class="talk-speaker-text"><div
class="talk-speaker-name">Ada</div><div class="talk-speaker-bio"><p>A
bio.</p></div></div></a></div>
</div><div class="talk-sidebar"><div class="talk-slot">{WHEN} · <span
class="talk-slot-room">Room, two
<button>?</button></span></div><div class="talk-facts"><div class="talk-fact"><span
class="talk-track-swatch"></span> Testing · Workshop</div><div class="talk-fact">Not
recorded</div>
</div>{
    RESOURCES.replace("section", "div").replace("resources", "talk-resources")
}</div></div></main>"""
PRETALX = {"of 2018": PRETALX_2018, "of 2025": PRETALX_2025, "of 2026": PRETALX_2026}


@pytest.mark.parametrize("html", [pytest.param(html, id=of) for of, html in PRETALX.items()])
def test_a_session_of_pretalx_is_read(html):
    name, facts = read(html)
    assert (name, facts.title, facts.id) == ("adapter:pretalx", "Why: tests", "AB3DEF")
    assert facts.speakers == (Speaker("Ada", f"{HOST}/s/ada/", "A bio."),)
    assert (facts.room, facts.abstract, facts.do_not_record) == ("Room, two", "Short.", True)
    assert "Long." in facts.body
    offset = "" if html == PRETALX_2018 else "+01:00"
    assert facts.start == f"2030-11-16T14:30:00{offset}"
    assert facts.end == f"2030-11-16T15:00:00{offset}"


@pytest.mark.parametrize("html", [PRETALX_2025, PRETALX_2026])
def test_newer_pretalx_also_says(html):
    _, facts = read(html)
    assert facts.timezone == "Europe/Berlin"
    assert facts.videos == (Video("https://player.example/1", None, "embed"),)
    assert files(facts) == [("slides", "Deck, big", f"{HOST}/media/x/deck")]
    assert facts.links == (Link("Code", "https://code.example/"),)


def test_pretalx_says_language_track_and_type_where_it_does():
    assert read(PRETALX_2025)[1].language == "de"
    facts = read(PRETALX_2026)[1]
    assert (facts.track, facts.type) == ("Testing", "Workshop")


def test_a_list_of_sessions_in_pretalx_is_no_session():
    html = "<meta name=generator content=pretalx><main><h1>Speakers</h1></main>"
    assert read(html) == (None, None)


@table(
    "text",
    "<p>One, two, three boats.</p>",
    "<p>We met on 2019-07-12, 14:30, in Lisbon.</p>",
    "<p>It was at <time datetime='2019-07-12T14:30'>half past two</time>.</p>",
)
def test_a_session_of_pretalx_without_a_slot_is_nowhere_and_at_no_time(text):
    html = f"""<meta name=generator content=pretalx><main><h3 class="talk-title">Soon</h3>
    <div class="talk-content"><section class="abstract">{text}</section></div></main>"""
    _, facts = read(html)
    assert (facts.title, facts.room, facts.start, facts.end) == ("Soon", None, None, None)
