"""General pages: how much of an article is found, and how much else."""

import gzip
import json
import re
import tempfile
from collections import Counter
from pathlib import Path
from statistics import fmean

import msgspec
import trafilatura
from corpus import CORPUS, read

from services.processor.extract.page import build_page

SHINGLE = 4  # words
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_ADDRESS = re.compile(r"\]\([^)]*\)")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")


class Found(msgspec.Struct):
    """Means over all pages, and the F1 of these means."""

    precision: float
    recall: float

    @property
    def f1(self):
        return 2 * self.precision * self.recall / ((self.precision + self.recall) or 1)


def scores():
    """What each way to find the article finds."""
    truths = json.loads((CORPUS / "articles/ground-truth.json").read_text(encoding="utf-8"))
    ways = {"eventjob": _ours, "trafilatura": _txt, "trafilatura, Markdown": _markdown}
    pages = {name: _html(name) for name in truths}
    return {
        way: score([(truths[name]["articleBody"], find(html)) for name, html in pages.items()])
        for way, find in ways.items()
    }


def score(pairs):
    """Precision and recall, for pairs of truth and what was found.

    Source: the metric of article-extraction-benchmark: four-gram shingles of word tokens.
    """
    rates = [_rates(_shingles(truth), _shingles(found)) for truth, found in pairs]
    return Found(*map(fmean, zip(*rates, strict=True)))


def _shingles(text):
    words = re.findall(r"\w+", text)
    return Counter(
        tuple(words[at : at + SHINGLE]) for at in range(max(1, len(words) - SHINGLE + 1))
    )


def _rates(truth, found):
    shared = (truth & found).total()
    return shared / (found.total() or 1), shared / (truth.total() or 1)


def _html(name):
    return gzip.decompress((CORPUS / f"articles/html/{name}.html.gz").read_bytes())


def _ours(html):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_bytes(html)
        page = build_page(read(path, "https://article.example/one"))
    return _plain(page.facts.body or "")


def _txt(html):
    return trafilatura.extract(html, include_comments=False) or ""


def _markdown(html):
    found = trafilatura.extract(
        html, output_format="markdown", include_comments=False, include_links=True
    )
    return _plain(found or "")


def _plain(markdown):
    return _ESCAPE.sub(r"\1", _ADDRESS.sub("]", _IMAGE.sub("", markdown)))
