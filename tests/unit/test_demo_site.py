"""The sample conference's site: all of it is there, and right."""

import json
import re
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urldefrag, urljoin, urlsplit

import pypdfium2
import pytest
from selectolax.lexbor import LexborHTMLParser
from tables import table

from demo.programme import ERROR_CODES, SCHEDULE, load_programme
from demo.serve import SITE, serve_site

PAGES = sorted(SITE.rglob("*.html"))
PDFS = sorted(SITE.rglob("*.pdf"))
SHELL = SITE / "2026" / "studio" / "live-buoy-map.html"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serve_site() as port:
        yield port


def get(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def references(path: str, html: str) -> Iterator[str]:
    """All that a page leads to on its own site."""
    tree = LexborHTMLParser(html)
    for selector, attribute in (
        ("[href]", "href"),
        ("[src]", "src"),
        ("[content^='/']", "content"),
    ):
        for node in tree.css(selector):
            address = urljoin(path, node.attributes[attribute] or "")
            if not urlsplit(address).netloc:
                yield address


def crawl(port: int) -> dict[str, int]:
    """The status of each address that can be reached from the front page."""
    found: dict[str, int] = {}
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path], headers, content = get(port, path)
        if headers["content-type"] == "text/html; charset=utf-8" and found[path] == 200:
            waiting += [urldefrag(link)[0] for link in references(path, content.decode())]
    return found


def test_every_address_on_the_site_answers_and_every_file_is_reached(port):
    found = crawl(port)
    assert {path for path, status in found.items() if status != 200} == set()
    files = {f"/{file.relative_to(SITE)}" for file in SITE.rglob("*") if file.is_file()}
    reached = {f"{path}index.html" if path.endswith("/") else path for path in found}
    assert files - reached == {"/robots.txt"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_every_anchor_leads_to_an_element(page):
    path = f"/{page.relative_to(SITE)}"
    for link in references(path, page.read_text()):
        target, fragment = urldefrag(link)
        if fragment:
            file = SITE / target.lstrip("/")
            html = (file / "index.html" if file.is_dir() else file).read_text()
            assert f'id="{fragment}"' in html


def test_the_programme_and_the_pages_agree(port):
    _, plans = load_programme(f"http://127.0.0.1:{port}/")
    for plan in plans:
        if plan.error_code is not None:
            continue
        _, _, content = get(port, urlsplit(str(plan.parameters["url"])).path)
        text = LexborHTMLParser(content).text()
        headings = [h.text().strip() for h in LexborHTMLParser(content).css("h1")]
        assert plan.parameters["session"] in headings
        for fact in ("track", "starttime", "endtime"):
            assert plan.parameters[fact] in text
        for speaker in plan.parameters["speakers"]:
            assert speaker in text
        for name in ("video_url", "attachments_url"):
            if plan.parameters[name]:
                assert urlsplit(plan.parameters[name]).path.encode() in content


def test_an_abstract_is_worth_keeping():
    for page in PAGES:
        tree = LexborHTMLParser(page.read_text())
        text = " ".join(node.text() for node in tree.css(".event-blurb, section.abstract"))
        if text:
            assert 150 < len(text.split()) < 450, page


def test_there_are_ten_sessions_in_two_styles():
    assert len(list((SITE / "2026/schedule/event").iterdir())) == 5
    assert len([page for page in PAGES if page.parent.name == "studio" and page != SHELL]) == 5


def test_machine_readable_events_name_their_own_page():
    pages = [page for page in PAGES if page.parent.name == "studio" and page != SHELL]
    for page in pages:
        tree = LexborHTMLParser(page.read_text())
        data = json.loads(tree.css_first("script[type='application/ld+json']").text())
        event = next(e for e in data.get("@graph", [data]) if e["@type"] == "Event")
        assert event["name"] == tree.css_first("h1").text()
        assert event["name"] == tree.css_first("meta[property='og:title']").attributes["content"]
        times = [node.attributes["datetime"] for node in tree.css("time")]
        assert times == [event["startDate"], event["endDate"]]


def test_the_broken_page_has_nothing_to_say():
    tree = LexborHTMLParser(SHELL.read_text())
    assert tree.css("h1, article, main, p, [property], script[type*=json]") == []
    assert len(tree.body.text().split()) < 10


def test_the_dead_address_is_in_the_programme_and_nowhere_else(port):
    assert get(port, "/2026/schedule/event/lightning-talks/")[0] == 404
    assert "lightning-talks" in SCHEDULE.read_text()
    assert set(ERROR_CODES.values()) == {"http_404", "thin_content"}


@pytest.mark.parametrize("pdf", PDFS, ids=lambda pdf: pdf.name)
def test_slides_are_real_pdfs_with_text(pdf):
    document = pypdfium2.PdfDocument(pdf)
    try:
        assert 2 <= len(document) <= 6
        for number in range(len(document)):
            page = document[number]
            text = page.get_textpage()
            assert re.search(r"\w{3}", text.get_text_bounded())
            text.close()
            page.close()
    finally:
        document.close()


def test_the_site_is_small():
    sizes = {file: file.stat().st_size for file in SITE.rglob("*") if file.is_file()}
    assert sum(sizes.values()) < 600_000
    assert all(5_000 < sizes[pdf] < 80_000 for pdf in PDFS)


@table(
    "path, media_type",
    ("/", "text/html; charset=utf-8"),
    ("/robots.txt", "text/plain; charset=utf-8"),
    ("/2026/schedule.json", "application/json"),
    ("/2026/files/append-only-blame.pdf", "application/pdf"),
    ("/2026/files/tide-heights.csv", "text/csv; charset=utf-8"),
    ("/2026/files/buoy-kit.zip", "application/zip"),
    ("/2026/img/mesh.png", "image/png"),
    ("/2026/img/harbour.svg", "image/svg+xml"),
    ("/2026/media/tide-tables.en.vtt", "text/vtt; charset=utf-8"),
    ("/2026/media/tide-tables.webm", "video/webm"),
)
def test_files_go_out_with_their_type_and_age(port, path, media_type):
    status, headers, content = get(port, path)
    assert (status, headers["content-type"]) == (200, media_type)
    assert int(headers["content-length"]) == len(content)
    again, _, nothing = get(port, path, **{"If-Modified-Since": headers["last-modified"]})
    assert (again, nothing) == (304, b"")


@table("path", *["/2026/img/", "/nothing.html", "/../serve.py", "/%2e%2e/serve.py"])
def test_what_is_no_page_is_not_there(port, path):
    assert get(port, path)[0] == 404


def test_the_server_says_nothing(port, capfd):
    get(port, "/nothing.html")
    assert capfd.readouterr() == ("", "")
