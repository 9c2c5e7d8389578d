"""The Markdown of every page in the corpus, as another program reads it."""

import gzip
import re
import tempfile
from itertools import pairwise
from pathlib import Path

from corpus import CORPUS, markdown_of, read
from markdown_it import MarkdownIt
from scoring import Tally

from services.processor.extract.page import build_page

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
PAGES = ("fosdem-pages/pages/*.html", "pretalx-pages/*.html", "jsonld/*.html", "articles/html/*.gz")
_UNTIDY = re.compile(r"[ \t]$|\n{3}", re.MULTILINE)
_SAFE = re.compile(r"https?://|mailto:|a/")  # the last is a file beside the Markdown


def tally():
    """All pages: nothing hostile in their Markdown, its headings in order, nothing untidy."""
    result = Tally()
    with tempfile.TemporaryDirectory() as folder:
        for path in (path for pattern in PAGES for path in sorted(CORPUS.glob(pattern))):
            page = Path(folder) / "page.html"
            content = path.read_bytes()
            page.write_bytes(gzip.decompress(content) if path.suffix == ".gz" else content)
            url = "https://conf.example/one"
            found = _found(markdown_of(build_page(read(page, url)), url).split("---\n", 2)[2])
            result.compare(path.stem, found, dict.fromkeys(found, True))
    return result


def _found(markdown):
    tokens = list(_tokens(markdown))
    levels = [int(token.tag[1]) for token in tokens if token.type == "heading_open"]
    targets = [token.attrGet(name) for token in tokens for name in ("href", "src")]
    return {
        "no raw HTML": not any(token.type.startswith("html") for token in tokens),
        "links to web and mail": all(_SAFE.match(target) for target in targets if target),
        "one title, then no jumps": levels[0] == 1
        and all(2 <= b <= a + 1 for a, b in pairwise(levels)),
        "tidy": not _UNTIDY.search(re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)),
    }


def _tokens(markdown):
    for token in READER.parse(markdown):
        yield from token.children if token.type == "inline" else (token,)
