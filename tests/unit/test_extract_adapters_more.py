"""The adapters of frab and voctoweb, and what the cascade makes of an adapter's page."""

import msgspec
import pytest
from fakes_processor import parameters
from test_extract_adapters import FOSDEM, HOST, PRETALX_2025, URL, files, read

from services.processor.extract import cascade
from services.processor.extract.facts import Link, Speaker, Video
from services.processor.extract.page import build_page

VOCTOWEB = """<div class="player-header"><div class="conference">38C3</div><h1>Why tests</h1>
<h2>And what to do</h2></div><p class="persons"><span class="icon"></span><a href="/search?p=Ada">
Ada</a>, <a href="/search?p=Grace">Grace</a></p><div class="player video"><video><source
src="https://cdn.example/hd.mp4"></video></div><ul class="metadata"><li><span class="icon
icon-clock-o">
</span>40 min</li><li><span class="icon icon-calendar-o"></span>2030-12-27</li><li><a
href="https://fahrplan.example/1">Fahrplan</a></li></ul><p
class="description"><p>First.</p><p>Second.
</p></p><h3>Download</h3><div class="downloads"><div class="row video"><a class="btn download hq"
href="https://cdn.example/hd.webm"><div class="title">Download 1080p</div><span
class="language">deu
</span></a></div><div class="row subtitle"><a class="btn download subtitle complete"
href="https://cdn.example/x.vtt"><div class="title">deu</div></a><a class="btn download subtitle
todo" href="https://c3subtitles.example/"><div class="title">eng</div></a></div><div
class="row slides"><a class="btn download slides" href="https://cdn.example/x.pdf"><div
class="title">
Download application/pdf</div></a></div></div><h3>Related</h3><p><a href="/v/other">Other</a></p>
<h3>Tags</h3><div class="tags"><a href="/tags/38c3">38c3</a> <a
href="/tags/S">Security</a></div>"""


def test_a_recording_in_voctoweb_is_read():
    name, facts = read(VOCTOWEB)
    assert (name, facts.title) == ("adapter:media.ccc.de", "Why tests")
    assert (facts.subtitle, facts.language) == ("And what to do", "de")
    assert facts.speakers == (Speaker("Ada"), Speaker("Grace"))
    assert (facts.start, facts.start_raw) == (None, "2030-12-27")
    assert (facts.abstract, facts.body) == ("First. Second.", "First.\n\nSecond.")
    assert facts.tags == ("38c3", "Security")
    assert facts.videos == (Video("https://cdn.example/hd.webm", "video/webm", "recording"),)
    assert files(facts) == [
        ("slides", "Slides", "https://cdn.example/x.pdf"),
        ("subtitles", "deu", "https://cdn.example/x.vtt"),
    ]
    assert facts.links == (Link("Fahrplan", "https://fahrplan.example/1"),)


FRAB = """<div id="header"><h1>Conf Program</h1></div><div id="main-content"><h2>{type}: Why:
tests
</h2><h3 class="title">And more</h3><div class="column left" id="basic"><p><b>{no}</b></p><p
class="abstract">Short.</p><p class="description">Long.</p></div><div
id="details"><h3>Info</h3><p>
<b>{day}:</b> <a href="/d/1">{date}</a><br><b>{start}:</b> 23:30<br><b>{duration}:</b>
01:00<br><b>
{room}:</b> Saal 1<br><b>Track:</b> <a href="#">Testing</a><br><b>{language}:</b> de</p><h3>Links:
</h3><ul><li><a href="1.ics">iCalendar</a></li><li><a
href="https://code.example/">Code</a></li></ul>
<h3>{files}</h3><ul><li><a href="/system/slides.pdf">Folien</a></li></ul><h3>Feedback</h3><p><a
href="/f">Send</a></p></div><div id="sidebar"><h3>Speakers</h3><table class="list"><tr><td><img
src="a.png"></td><td><a href="/s/1">Ada</a></td></tr></table></div></div>"""
ENGLISH = {"type": "Lecture", "no": "This event will not be recorded", "day": "Day"}
ENGLISH |= {"date": "2030-12-27", "start": "Start time", "duration": "Duration", "room": "Room"}
ENGLISH |= {"language": "Language", "files": "Files"}
GERMAN = {"type": "Vortrag", "no": "Wird nicht aufgezeichnet", "day": "Tag", "date": "27.12.2030"}
GERMAN |= {"start": "Beginn", "duration": "Dauer", "room": "Raum", "language": "Sprache"}
GERMAN |= {"files": "Dateien"}


@pytest.mark.parametrize("words", [ENGLISH, GERMAN])
def test_an_event_of_frab_is_read(words):
    name, facts = read(FRAB.format(**words))
    assert (name, facts.title, facts.type) == ("adapter:frab", "Why: tests", words["type"])
    assert (facts.subtitle, facts.track, facts.room) == ("And more", "Testing", "Saal 1")
    assert (facts.language, facts.do_not_record) == ("de", True)
    assert (facts.start, facts.end) == ("2030-12-27T23:30:00", "2030-12-28T00:30:00")
    assert facts.speakers == (Speaker("Ada", f"{HOST}/s/1"),)
    assert (facts.abstract, facts.body) == ("Short.", "Short.\n\nLong.")
    assert facts.links == (Link("Code", "https://code.example/"),)
    assert files(facts) == [("slides", "Folien", f"{HOST}/system/slides.pdf")]


def test_a_colon_in_a_title_of_frab_stays():
    html = FRAB.format(**ENGLISH | {"type": "Postgres"})
    assert read(html)[1].title == "Postgres: Why: tests"


EVENT = {
    "@type": "Event",
    "name": "Why: tests",
    "location": {"@type": "Place", "name": "Saal 1"},
    "startDate": "2030-12-27T23:30:00+0100",
    "endDate": "2030-12-28T00:30:00+0100",
    "inLanguage": "de",
}
FRAB_2025 = f"""<article class="container-fluid"><h2>Lecture: Why: tests</h2><div class="badge">27
December 2030 <time datetime="2030-12-27 23:30">23:30</time> &ndash; <time datetime="2030-12-28
00:30">00:30
</time></div><div class="badge bg-secondary">Saal 1</div><div class="badge
bg-success">Testing</div>
<div class="alert alert-warning"><i class="bi bi-exclamation-triangle"></i> No recording</div><div
class="card"><div class="card-body"><h4>Abstract</h4><div
class="text-muted"><p>Short.</p></div></div>
</div><div class="card"><div class="card-body"><h4>Description</h4><div
class="text-muted"><p>Long.
</p></div></div></div><div class="speakers-section"><div class="session-card"><a href="/s/1"><img
src="/avatar/1.png"></a><div class="session-info"><div class="title"><a href="/s/1">Ada</a></div>
<div class="abstract">Ada is…</div></div></div></div><div class="links-section"><a href="1.ics"><i
class="bi bi-calendar"></i> iCalendar</a><a href="https://code.example/"><i
class="bi bi-box-arrow-up-right"></i> Code</a><a href="/x.mp4"><i class="bi bi-play-circle"></i>
Video
</a><a href="/system/slides.pdf"><i class="bi bi-file-earmark"></i> Folien</a></div></article>
<script type="application/ld+json">{msgspec.json.encode(EVENT).decode()}</script>"""


def test_an_event_of_frab_in_cards_is_read():
    name, facts = read(FRAB_2025)
    assert (name, facts.title, facts.type) == ("adapter:frab", "Why: tests", "Lecture")
    assert (facts.track, facts.room, facts.do_not_record) == ("Testing", "Saal 1", True)
    assert facts.start == "2030-12-27T23:30:00+01:00"
    assert facts.end == "2030-12-28T00:30:00+01:00"
    assert facts.speakers == (Speaker("Ada", f"{HOST}/s/1"),)
    assert (facts.abstract, facts.body) == ("Short.", "Short.\n\nLong.")
    assert facts.links == (Link("Code", "https://code.example/"),)
    assert facts.videos == (Video(f"{HOST}/x.mp4", "video/mp4", "recording"),)
    assert files(facts) == [("slides", "Folien", f"{HOST}/system/slides.pdf")]


@pytest.mark.parametrize("html", ["", "<h1>Why</h1>", '<h3 class="talk-title">Why</h3><p>x</p>'])
def test_other_pages_are_nobodys(html):
    assert read(html) == (None, None)


def page(html, tmp_path, **changes):
    path = tmp_path / "page"
    path.write_text(html)
    return build_page(cascade.read_page(path, "utf-8", URL, parameters(**changes)))


def test_an_adapters_links_are_all_there_are(tmp_path):
    found = page(FOSDEM["in 2026"], tmp_path, day="Sunday", starttime="09:55", speakers=["Eve"])
    assert len(found.facts.links) == 2
    assert found.is_session
    assert found.method == found.sources["speakers"] == "adapter:fosdem"
    assert found.facts.start_raw == "Sunday 09:50"


def test_what_an_adapter_does_not_find_the_job_says(tmp_path):
    html = PRETALX_2025.replace("pretalx-session", "x")
    found = page(html, tmp_path, speakers=["Eve"], day="2030-11-16", starttime="12:00")
    assert found.facts.speakers == (Speaker("Eve"),)
    assert found.facts.start == "2030-11-16T14:30:00+01:00"
