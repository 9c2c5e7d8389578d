"""Real pages go through without an exception, and real titles through YAML unchanged."""

import gzip
import json
import re
from html import unescape
from pathlib import Path

import pytest
import yaml
from fakes_processor import parameters

from eventjob.domain.names import session_paths
from eventjob.fetch.client import Fetched
from services.processor import compose
from services.processor.attachments import Haul
from services.processor.extract.cascade import read_page
from services.processor.extract.page import page_of

CORPUS = Path(__file__).parents[3] / "shared/corpus"
ARTICLES = 20
URL = "https://conf.example/2030/schedule/event/one/"
IN_XML = re.compile(r"<(?:title|subtitle)>([^<]+)</")

pytestmark = pytest.mark.skipif(
    not CORPUS.exists(), reason="the corpus of real pages is not on this machine"
)


def pages(pattern):
    return [pytest.param(path, id=path.stem[:40]) for path in sorted(CORPUS.glob(pattern))]


def composed(path, **changes):
    """The front matter, as a reader finds it in the Markdown, and the Markdown."""
    job = parameters(**changes)
    page = page_of(read_page(path, None, URL, job))
    fetched = Fetched(
        requested_url=URL,
        final_url=URL,
        status=200,
        headers={},
        path=path,
        size_bytes=1,
        sha256="0" * 64,
        media_type="text/html",
        charset=None,
    )
    paths = session_paths(job.event, job.track, job.filename)
    front = compose.front_matter(job, page, fetched, Haul([], []), paths)
    markdown = compose.render(front, page, Haul([], []), paths)
    markdown.encode()
    _, yaml_text, body = markdown.split("---\n", 2)
    assert yaml.safe_load(yaml_text) == json.loads(json.dumps(front))
    assert not re.search(r"\]\(\s*(?:javascript|data):", body, re.IGNORECASE)
    outside_code = re.sub(r"```.*?```", "", body, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)<[a-z/!]", outside_code, re.IGNORECASE)
    return front, page


@pytest.mark.parametrize("path", pages("fosdem-pages/pages/*.html"))
def test_fosdem_pages_have_their_title_and_their_files(path):
    truth = json.loads((CORPUS / "fosdem-pages/ground-truth.json").read_text())[path.name]
    assert composed(path, session="something else")[0]["session"]["title"] == truth["title"]
    front, page = composed(path, session=truth["title"].upper())
    assert front["session"]["title"] == truth["title"]
    assert page.is_session
    words = re.sub("<[^>]+>", " ", unescape(truth["abstract_html"])).split()[:5]
    assert all(word in page.text for word in words)


@pytest.mark.parametrize("path", pages("pretalx-pages/*.html"))
def test_pretalx_pages_have_their_title_and_their_times(path):
    heading = r"<h3 class=talk-title>.*?<span>\s*(.*?)\s*<button"
    title = unescape(re.search(heading, path.read_text(), re.DOTALL)[1])
    front, page = composed(path, session=title.upper())
    assert front["session"]["title"] == title
    assert front["start"] < front["end"]
    assert page.is_session


@pytest.mark.parametrize("path", pages("jsonld/*.html"))
def test_pages_with_odd_json_ld_are_read(path):
    assert composed(path)[0]["session"]["title"]


@pytest.mark.parametrize("path", pages("articles/html/*.gz")[:ARTICLES])
def test_articles_keep_their_text(path, tmp_path):
    page_file = tmp_path / "page.html"
    page_file.write_bytes(gzip.decompress(path.read_bytes()))
    truth = json.loads((CORPUS / "articles/ground-truth.json").read_text())
    expected = set(re.findall(r"\w+", truth[path.name.partition(".")[0]]["articleBody"]))
    _, page = composed(page_file)
    found = set(re.findall(r"\w+", page.facts.body))
    assert len(expected & found) > 0.7 * len(expected)


def titles():
    sessions = json.loads((CORPUS / "fosdem-2025-sessions.json").read_text())
    found = {session[name] for session in sessions for name in ("session", "track")}
    for path in CORPUS.glob("schedules/*.xml"):
        found.update(map(unescape, IN_XML.findall(path.read_text())))
    return sorted(found)


def test_every_title_of_the_corpus_survives_yaml():
    found = titles()
    assert len(found) > 3000
    text = compose.dumped({"titles": found})
    assert yaml.safe_load(text) == {"titles": found}
