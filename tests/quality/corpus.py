"""Where the corpus of real pages lies, and a page of it on its way to a session."""

import re
from html import unescape
from pathlib import Path

import yaml

from eventjob.contracts.parameters import Parameters
from eventjob.domain.names import make_file_name, session_paths
from eventjob.fetch.client import FetchResult
from services.processor.compose import document
from services.processor.extract.cascade import read_page
from services.processor.files.session_files import DownloadedFile, SessionFiles

CORPUS = Path(__file__).parents[3] / "shared/corpus"
ABSENT = "skipped: no corpus at ../shared/corpus"
PARAMETERS = Parameters(  # they say nothing that a page says, so nothing is right by them
    event="A conference", session="A session", url="", filename="a.md", track="The job's track"
)
UNTITLED = "file"  # what a file is called that its page gives no title
_INLINE_TAG = re.compile(r"</?(?:a|abbr|b|code|em|i|span|strong|sub|sup|u)\b[^>]*>")
_TAG = re.compile(r"<[^>]+>")


def read(path, url, parameters=PARAMETERS):
    """What a page alone says."""
    return read_page(path, "utf-8", url, parameters)


def session_of(page, url):
    """The front matter as a reader of the Markdown finds it."""
    return yaml.safe_load(markdown_of(page, url).split("---\n", 2)[1])


def markdown_of(page, url):
    """The whole Markdown, every file being had."""
    paths = session_paths(PARAMETERS.event, PARAMETERS.track, PARAMETERS.filename)
    haul = SessionFiles([_had(wanted) for wanted in page.facts.files], [])
    fetched = FetchResult(
        requested_url=url,
        final_url=url,
        status=200,
        headers={},
        path=Path(),
        size_bytes=1,
        sha256="0" * 64,
        media_type="text/html",
        charset="utf-8",
    )
    front = document.build_front_matter(PARAMETERS, page, fetched, haul, paths)
    return document.render(front, page, haul, paths)


def text_of(html):
    """What is read in HTML, in one line."""
    return " ".join(unescape(_TAG.sub(" ", _INLINE_TAG.sub("", html))).split())


def _had(wanted):
    return DownloadedFile(
        link=wanted,
        name=make_file_name(wanted.title, UNTITLED),
        sha256="0" * 64,
        size_bytes=1,
        media_type="application/octet-stream",
    )
