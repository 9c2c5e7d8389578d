import time

import msgspec
import pytest
from fakes_processor import parameters
from tables import row, table

from services.processor.extract import cascade
from services.processor.extract.facts import License, Speaker, Video
from services.processor.extract.html.document import Document
from services.processor.extract.page import build_page
from services.processor.extract.rungs import job_parameters, jsonld, links, page_rules

URL = "https://conf.example/talks/one/"
TEXT = "<p>" + "This talk explains why tests fail and what to do about that. " * 8 + "</p>"


def document(html, session="Why tests fail"):
    return Document(html, URL, session)


def read(html, tmp_path, **changes):
    path = tmp_path / "page"
    path.write_text(html)
    return build_page(cascade.read_page(path, "utf-8", URL, parameters(**changes)))


def ld(data):
    text = data if isinstance(data, str) else msgspec.json.encode(data).decode()
    return f'<h1>Why tests fail</h1><script type="application/ld+json">{text}</script>'


EVENT = {
    "@context": "https://schema.org",
    "@type": "Event",
    "name": "Why Tests fail!",
    "alternateName": "and what to do",
    "description": "<p>About <b>tests</b>.</p>",
    "startDate": "2030-02-02T09:50:00+01:00",
    "endDate": "2030-02-02T10:15:00+01:00",
    "location": {"@type": "Place", "name": "Janson"},
    "performer": [{"name": "Ada", "url": "/people/ada"}, "Grace"],
}


def test_an_event_of_the_pages_title_is_believed():
    facts = jsonld.read(document(ld({"@graph": [EVENT]})))
    assert facts.title == "Why tests fail"
    assert (facts.subtitle, facts.abstract, facts.room) == (
        "and what to do",
        "About tests .",
        "Janson",
    )
    assert (facts.start, facts.end) == ("2030-02-02T09:50:00+01:00", "2030-02-02T10:15:00+01:00")
    assert facts.speakers == (Speaker("Ada", "https://conf.example/people/ada"), Speaker("Grace"))


def test_an_event_that_is_the_whole_conference_is_not_believed():
    assert jsonld.read(document(ld(EVENT | {"name": "Testconf 2030"}))) == jsonld.Facts()


@table(
    "text",
    '/* schema */ {"@type": "Event", "name": "Why tests fail"}',
    '<!-- {"@type": "Event", "name": "Why tests fail"} -->',
    '// schema\n{"@type": ["Thing", "EducationEvent"], "name": "Why tests fail"}',
    '{"@type": "Event", "name": "Why\ttests\nfail"}',
    '[{"@type": "Event", "name": "Why tests fail \\ud800"}]',
)
def test_json_ld_is_read_with_tolerance(text):
    assert jsonld.read(document(ld(text))).title == "Why tests fail"


@table(
    "text", "", "{", "null", "7", "[" * 100_000, '{"@type": "Event"}', '{"@type": 1, "name": []}'
)
def test_broken_json_ld_says_nothing(text):
    assert jsonld.read(document(ld(text))) == jsonld.Facts()


def test_a_date_without_time_is_no_start():
    facts = jsonld.read(document(ld(EVENT | {"startDate": "2030-02-02", "endDate": "soon"})))
    assert (facts.start, facts.end, facts.start_raw) == (None, None, "2030-02-02")


@table(
    "html, title",
    ("<header><h1>Conf</h1></header><main><h1>A talk</h1></main>", "A talk"),
    ("<header><h1>Conf</h1></header><main><h3> Why  Tests Fail </h3></main>", "Why Tests Fail"),
    ("<title>Why tests fail - Conf</title><h1>Menu</h1>", "Why tests fail"),
    ('<meta property="og:title" content="Shared"><title>Window</title>', "Shared"),
    ("<title>Window</title>", "Window"),
    ("<h1> </h1>", None),
)
def test_the_title_is(html, title):
    assert page_rules.read(document(html)).title == title


@table(
    "times, start, end",
    (["2030-02-02T09:50:00+01:00"], "2030-02-02T09:50:00+01:00", None),
    (["2030-02-02 09:50", "2030-02-02 10:15"], "2030-02-02T09:50:00", "2030-02-02T10:15:00"),
    (["2030-02-02", "09:50", "nonsense"], None, None),
    (["2030-02-02 09:50", "2030-02-03 10:15"], None, None),
    (["2030-02-02 09:50", "2030-02-02 10:15Z"], None, None),
    ([f"2030-02-02 0{hour}:00" for hour in range(5)], None, None),
)
def test_the_times_are(times, start, end):
    html = "".join(f'<time datetime="{time}">x</time>' for time in times)
    facts = page_rules.read(document(f"<main>{html}</main>"))
    assert (facts.start, facts.end) == (start, end)


def test_the_time_of_publishing_is_no_start():
    html = '<time datetime="2030-01-01T10:00" itemprop="datePublished">x</time>'
    assert page_rules.read(document(html)).start is None


def test_language_licence_and_videos_are_seen():
    html = """<html lang="de-AT"><link rel=canonical href="/talks/1"><main>
    <a rel="license" href="https://creativecommons.org/licenses/by/4.0/">CC</a>
    <video><source src="/v/one.webm"></video><a href="../one.mp4">recording</a>
    <iframe src="https://www.youtube-nocookie.com/embed/x"></iframe>
    <iframe src="https://ads.example/"></iframe></main>"""
    facts = page_rules.read(document(html))
    assert (facts.language, facts.url) == ("de-AT", "https://conf.example/talks/1")
    assert facts.license == License("https://creativecommons.org/licenses/by/4.0/", "rel=license")
    assert facts.videos == (
        Video("https://conf.example/v/one.webm", "video/webm", "recording"),
        Video("https://conf.example/talks/one.mp4", "video/mp4", "recording"),
        Video("https://www.youtube-nocookie.com/embed/x", None, "embed"),
    )


def test_a_page_that_calls_another_host_its_own_is_not_believed():
    html = '<link rel=canonical href="https://evil.example/">'
    assert page_rules.read(document(html)).url is None


@table(
    "changes, start, end",
    ({"day": "Sunday", "starttime": "09:50", "endtime": "10:15"}, "Sunday 09:50", "10:15"),
    ({"day": "Sunday", "starttime": "09:50"}, "Sunday 09:50", None),
    ({"day": "Sunday"}, "Sunday", None),
    ({}, None, None),
)
def test_the_job_says_when(changes, start, end):
    facts = job_parameters.read(parameters(**changes), document(""))
    assert (facts.start_raw, facts.end_raw) == (start, end)


def test_files_and_links_of_the_main_part_are_found_once_and_made_absolute():
    html = """<base href="/2030/"><nav><a href="plan.pdf">Plan</a></nav><main>
    <a href="slides/one.pdf">The deck</a> <a href="paper.PDF#page=2">Paper</a>
    <a href="slides/one.pdf">again</a> <a href="x.odp"></a> <a href="/a b/">Speaker</a>
    <a href="javascript:alert(1)">Run</a> <a href="#top">Top</a> <a href="ftp://x.example/y">Y</a>
    <img src="data:image/png;base64,AAAA"> <img src="pic.png" alt="A picture">
    <img src="dot.png" width="1"> <img src="/avatar/ada.png"></main>"""
    found = document(html)
    files = [(wanted.kind, wanted.url, wanted.title) for wanted in links.find_files(found)]
    assert files == [
        ("slides", "https://conf.example/2030/slides/one.pdf", "The deck"),
        ("attachments", "https://conf.example/2030/paper.PDF", "Paper"),
        ("slides", "https://conf.example/2030/x.odp", "x.odp"),
        ("images", "https://conf.example/2030/pic.png", "A picture"),
    ]
    assert [link.url for link in links.find_links(found)] == ["https://conf.example/2030/#top"]


def test_the_job_fills_what_the_page_does_not_say(tmp_path):
    page = read(f"<h1>Page's title</h1>{TEXT}", tmp_path, speakers=["Ada"], day="Sunday")
    assert (page.facts.title, page.facts.track) == ("Page's title", "Main")
    assert page.sources == {
        "title": "html",
        "body": "trafilatura",
        "speakers": "parameters",
        "track": "parameters",
        "start_raw": "parameters",
    }
    assert page.warnings == ["abstract_missing", "start_missing"]


def test_the_jobs_attachment_comes_first_and_once(tmp_path):
    html = '<main><a href="/a.pdf">A</a></main>'
    files = read(html, tmp_path, attachments_url="https://conf.example/slides/b.pdf").facts.files
    assert [(f.url, f.kind, f.source) for f in files] == [
        ("https://conf.example/slides/b.pdf", "slides", "parameters"),
        ("https://conf.example/a.pdf", "attachments", "linked"),
    ]
    same = read(html, tmp_path, attachments_url="https://conf.example/a.pdf").facts.files
    assert [file.source for file in same] == ["linked"]


def test_the_body_has_links_and_no_second_title(tmp_path):
    html = f"""<article><h1>Why tests fail</h1>{TEXT}<p>See <a href="/more">more</a>, where
    you can <a href="javascript:alert(1)">run</a> it, but never write &lt;script&gt;alert(1), which
    nobody should do on a page that others will read some day.</p></article>"""
    body = read(html, tmp_path).facts.body
    assert not body.startswith("#")
    assert "[more](https://conf.example/more)" in body
    assert "javascript:" not in body
    assert "you can run it" in body
    assert r"write \<script>alert(1)" in body


def test_a_title_below_a_label_is_not_repeated_either(tmp_path):
    body = read(f"<main><p>Talk</p><h1>Why tests fail</h1>{TEXT}</main>", tmp_path).facts.body
    assert "Why tests fail" not in body


def test_what_a_time_says_stays_in_the_text(tmp_path):
    when = '<p>On Saturday from <time datetime="2026-06-13">11:00</time> to noon.</p>'
    body = read(f"<main><h1>Why tests fail</h1>{when}{TEXT}</main>", tmp_path).facts.body
    assert "from 11:00 to noon" in body


@table(
    "html, is_thin",
    row("a shell", "<title>Why tests fail</title><div id=app></div>", True),
    row("an error page", "<h1>Not found</h1><p>Sorry.</p>", True),
    row("nothing", "", True),
    row("a session without a text", "<h1>Why tests fail</h1>", False),
    row("an event", ld(EVENT), False),
    row("a text", f"<h1>Something</h1>{TEXT}", False),
)
def test_a_page_is_thin_where_there_is_neither_session_nor_text(tmp_path, html, is_thin):
    assert read(html, tmp_path).is_thin is is_thin


def test_only_the_first_megabyte_is_read(tmp_path):
    html = f"<h1>Why tests fail</h1>{TEXT}<!--{'x' * cascade.MAX_CHARACTERS}--><p>the end</p>"
    page = read(html, tmp_path)
    assert "page_truncated" in page.warnings
    assert "the end" not in page.text


@table(
    "html",
    "<frameset><frame src=x></frameset>",
    "<body></body><body>",
    "\x00",
    "<html>" * 50,
    "<base href='http://['>",
)
def test_odd_pages_are_read_all_the_same(tmp_path, html):
    assert read(html, tmp_path).facts.title


DEEP = {
    "divs": "<div>" * 10_000,
    "a heading's parts": "<h1>" + "<span>" * 20_000,
    "events": ld({"@type": "Event", "name": "x"}) * 3_000,
    "images": "<img src=a.png>" * 10_000,
    "brackets": "<p>" + "](" * 100_000,
}


@pytest.mark.parametrize("html", [pytest.param(html, id=name) for name, html in DEEP.items()])
def test_pages_made_to_take_for_ever_do_not(tmp_path, html):
    began = time.process_time()
    read(html, tmp_path)
    assert time.process_time() - began < 10


@table(
    "html",
    f"""<meta name=generator content=pretalx><main><h3 class="talk-title">Why</h3>
        <div class="talk-content"><div class="card">{TEXT}</div></div></main>""",
    f"""<div id=main><h1>Why</h1><ul class="side-box"><li><strong>Room</strong>: A</li></ul>
        <div class="event-other">{TEXT}</div></div>""",
)
def test_text_in_places_that_an_adapter_does_not_know_is_not_lost(tmp_path, html):
    page = read(html, tmp_path)
    assert "adapter" in page.sources["title"]
    assert "what to do about that" in page.facts.body
