"""Where the corpus of real pages lies, how a page of it becomes a session, and what is counted."""

import json
import re
from collections import defaultdict
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
MOST_NAMED = 6  # misses in the table
_INLINE_TAG = re.compile(r"</?(?:a|abbr|b|code|em|i|span|strong|sub|sup|u)\b[^>]*>")
_TAG = re.compile(r"<[^>]+>")


class Tally:
    """Counts, for each field, the sessions in which it is exactly right."""

    def __init__(self):
        self.right = defaultdict(list)
        self.misses = defaultdict(list)

    def compare(self, name, found, truth):
        """Count each field of ``truth``, for the session ``name``."""
        for field, value in truth.items():
            verdict = self.right if found.get(field) == value else self.misses
            verdict[field].append(name)

    def check(self, name, found):
        """Count what should be true."""
        self.compare(name, found, dict.fromkeys(found, True))

    def rows(self):
        """Field, exact of n, and the misses by name."""
        for field in dict.fromkeys([*self.right, *self.misses]):
            missed = self.misses[field]
            named = ", ".join(missed[:MOST_NAMED]) + (" …" if len(missed) > MOST_NAMED else "")
            count = len(self.right[field])
            yield f"{field:<26} {count:>6} of {count + len(missed):<6} {named}".rstrip()


def loaded(name):
    return json.loads((CORPUS / name).read_text(encoding="utf-8"))


def read(path, url, parameters=PARAMETERS):
    """What a page alone says."""
    return read_page(path, "utf-8", url, parameters)


def session_of(page, url):
    """The front matter as a reader of the Markdown finds it, and its parts by name."""
    front = yaml.safe_load(markdown_of(page, url).split("---\n", 2)[1])
    return front | {
        "title": front["session"].get("title"),
        "subtitle": front["session"].get("subtitle", ""),
        "speakers": [speaker["name"] for speaker in front.get("speakers", [])],
        "abstract": front.get("abstract", ""),
        "attachments": titled([*front.get("slides", []), *front.get("attachments", [])]),
        "links": titled(front.get("links", [])),
        "videos": {video["url"] for video in front.get("videos", [])},
    }


def titled(items):
    return {(item["title"] or UNTITLED, item["url"]) for item in items}


def markdown_of(page, url):
    """The whole Markdown, as if every file had been downloaded."""
    same = {"sha256": "0" * 64, "size_bytes": 1}
    paths = session_paths(PARAMETERS.event, PARAMETERS.track, PARAMETERS.filename)
    files = [
        DownloadedFile(
            link=wanted,
            name=make_file_name(wanted.title, UNTITLED),
            media_type="application/octet-stream",
            **same,
        )
        for wanted in page.facts.files
    ]
    haul = SessionFiles(files, [])
    fetched = FetchResult(
        requested_url=url,
        final_url=url,
        status=200,
        headers={},
        path=Path(),
        media_type="text/html",
        charset="utf-8",
        **same,
    )
    front = document.build_front_matter(PARAMETERS, page, fetched, haul, paths)
    return document.render(front, page, haul, paths)


def text_of(html):
    """What is read in HTML, in one line."""
    return " ".join(unescape(_TAG.sub(" ", _INLINE_TAG.sub("", html))).split())
