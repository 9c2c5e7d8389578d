"""General pages: how much of an article is found, and how much else."""

import gzip
import re
from collections import Counter
from statistics import fmean

import msgspec
import trafilatura
from corpus import CORPUS, loaded
from markup import read_bytes

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
    """Precision and recall of each way to find the article.

    Source: the metric of article-extraction-benchmark: four-gram shingles of word tokens.
    """
    truths = loaded("articles/ground-truth.json")
    pages = {
        name: gzip.decompress((CORPUS / f"articles/html/{name}.html.gz").read_bytes())
        for name in truths
    }
    ways = {"eventjob": _ours, "trafilatura": _text, "trafilatura, Markdown": _markdown}
    found = {}
    for way, find in ways.items():
        pairs = [(truths[name]["articleBody"], find(html)) for name, html in pages.items()]
        rates = [_rates(_shingles(truth), _shingles(text)) for truth, text in pairs]
        found[way] = Found(*map(fmean, zip(*rates, strict=True)))
    return found


def _shingles(text):
    words = re.findall(r"\w+", text)
    starts = range(max(1, len(words) - SHINGLE + 1))
    return Counter(tuple(words[at : at + SHINGLE]) for at in starts)


def _rates(truth, found):
    shared = (truth & found).total()
    return shared / (found.total() or 1), shared / (truth.total() or 1)


def _ours(html):
    return _plain(build_page(read_bytes(html, "https://article.example/one")).facts.body)


def _text(html):
    return trafilatura.extract(html, include_comments=False) or ""


def _markdown(html):
    wanted = {"output_format": "markdown", "include_comments": False, "include_links": True}
    return _plain(trafilatura.extract(html, **wanted))


def _plain(markdown):
    return _ESCAPE.sub(r"\1", _ADDRESS.sub("]", _IMAGE.sub("", markdown or "")))
