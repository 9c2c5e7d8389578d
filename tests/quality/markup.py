"""Hostile and untidy pages: JSON-LD without a title, and the Markdown of every page."""

import gzip
import re
import tempfile
from itertools import pairwise
from pathlib import Path

from corpus import CORPUS, Tally, markdown_of, read
from markdown_it import MarkdownIt

from services.processor.extract.html.document import match_key
from services.processor.extract.page import build_page

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
PAGES = ("fosdem-pages/pages/*.html", "pretalx-pages/*.html", "jsonld/*.html", "articles/html/*.gz")
URL = "https://conf.example/one"
_TITLES = re.compile(
    r"<(h[1-3]|title)\b[^>]*>.*?</\1\s*>|<meta[^>]*og:title[^>]*>", re.DOTALL | re.IGNORECASE
)
_UNTIDY = re.compile(r"[ \t]$|\n{3}", re.MULTILINE)
_SAFE = re.compile(r"https?://|mailto:|a/")  # the last is a file beside the Markdown


def json_ld():
    """All pages with JSON-LD, as they are and without their titles: an Event needs one."""
    result = Tally()
    for path in sorted((CORPUS / "jsonld").glob("*.html")):
        html = path.read_text(encoding="utf-8", errors="replace")
        event = read(path, URL).rungs.get("jsonld")
        titles = match_key(" ".join(found[0] for found in _TITLES.finditer(html)))
        untitled = read_bytes(_TITLES.sub("", html).encode()).rungs.get("jsonld")
        found = {
            "an Event only by a title": event is None or match_key(event.title) in titles,
            "no title, no Event": untitled is None,
        }
        result.check(path.stem, found)
    return result


def markdown():
    """All pages: nothing hostile in their Markdown, its headings in order, nothing untidy."""
    result = Tally()
    for path in (path for pattern in PAGES for path in sorted(CORPUS.glob(pattern))):
        content = path.read_bytes()
        html = gzip.decompress(content) if path.suffix == ".gz" else content
        body = markdown_of(build_page(read_bytes(html)), URL).split("---\n", 2)[2]
        result.check(path.stem, _found(body))
    return result


def read_bytes(html, url=URL):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_bytes(html)
        return read(path, url)


def _found(markdown):
    tokens = []
    for token in READER.parse(markdown):
        tokens += token.children if token.type == "inline" else (token,)
    levels = [int(token.tag[1]) for token in tokens if token.type == "heading_open"]
    targets = [token.attrGet(name) for token in tokens for name in ("href", "src")]
    return {
        "no raw HTML": not any(token.type.startswith("html") for token in tokens),
        "links to web and mail": all(_SAFE.match(target) for target in targets if target),
        "one title, then no jumps": levels[0] == 1
        and all(2 <= b <= a + 1 for a, b in pairwise(levels)),
        "tidy": not _UNTIDY.search(re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)),
    }
