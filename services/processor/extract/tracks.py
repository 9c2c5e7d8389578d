"""Subtitles that a page's video offers, or that are linked beside it."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from services.processor.extract.facts import Wanted
from services.processor.extract.html.document import Document, attribute, clean

SUBTITLE_TYPES = frozenset({".vtt", ".srt"})

_KINDS = frozenset({"subtitles", "captions", ""})
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][a-z0-9]{2,8})*", re.IGNORECASE)


def tracks(document: Document) -> Iterator[Wanted]:
    """The text tracks of all videos; chapters and descriptions are none."""
    for node in document.head.css("track[src]"):
        url = document.absolute(attribute(node, "src"))
        if url and attribute(node, "kind").strip().lower() in _KINDS:
            language = attribute(node, "srclang").strip()
            known = language if _LANGUAGE.fullmatch(language) else language_in(url)
            title = clean(attribute(node, "label")) or clean(_name(url))
            yield Wanted("subtitles", url, title, "linked", known)


def is_subtitles(url: str) -> bool:
    """Whether the address looks like that of subtitles."""
    return PurePosixPath(_name(url)).suffix.lower() in SUBTITLE_TYPES


def language_in(url: str) -> str | None:
    """The language that the name of a file with subtitles says, as in talk.en.vtt."""
    if not is_subtitles(url):
        return None
    suffix = PurePosixPath(PurePosixPath(_name(url)).stem).suffix.removeprefix(".")
    return suffix if _LANGUAGE.fullmatch(suffix) else None


def _name(url: str) -> str:
    return unquote(PurePosixPath(urlsplit(url).path).name)
