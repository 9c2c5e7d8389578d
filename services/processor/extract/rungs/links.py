"""Rung: what the main part links to: files that belong to the session, and other pages."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import PurePosixPath
from urllib.parse import unquote, urldefrag, urlsplit

from selectolax.lexbor import LexborNode

from services.processor.extract.facts import Facts, FileLink, Kind, Link
from services.processor.extract.html.document import (
    Document,
    attribute,
    clean,
    is_same_page,
    text_of,
)
from services.processor.extract.rungs.page_rules import is_video

MOST_LINKS = 200
MOST_IMAGES = 20
SUBTITLE_TYPES = frozenset({".vtt", ".srt"})
_SLIDES = re.compile(r"slide|presentation|folien|\bdeck\b", re.IGNORECASE)
_SLIDE_TYPES = {".ppt", ".pptx", ".odp", ".key"}
_FILE_TYPES = _SLIDE_TYPES | {".pdf", ".odt", ".doc", ".docx", ".epub", ".ods", ".xlsx", ".csv"}
_FILE_TYPES |= {".zip", ".gz", ".tgz", ".txt", ".ipynb", ".ps"} | SUBTITLE_TYPES
_KINDS = frozenset({"subtitles", "captions", ""})
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][a-z0-9]{2,8})*", re.IGNORECASE)
_LEAST_PIXELS = 64  # below it an image is an ornament
_ORNAMENT = re.compile(r"avatar|icon|logo|sprite|pixel|badge", re.IGNORECASE)


def read(document: Document) -> Facts:
    """All that the main part links to."""
    return Facts(files=tuple(files(document)), links=tuple(links(document)))


def files(document: Document) -> list[FileLink]:
    """Slides, papers and pictures, in the page's order, each once."""
    found: dict[str, FileLink] = {}
    for wanted in (
        *tracks(document),
        *_linked(document),
        *islice(pictures(document, [document.content]), MOST_IMAGES),
    ):
        found.setdefault(wanted.url, wanted)
    return list(found.values())


def links(document: Document) -> list[Link]:
    """The other links of the main part, in its order, each once; at most `MOST_LINKS`."""
    found: dict[str, Link] = {}
    for node in document.content.css("a[href]"):
        url, title = attribute(node, "href"), text_of(node)
        if title and not (is_file(url) or is_video(url) or is_same_page(url, document.url)):
            found.setdefault(url, Link(title, url))
    return list(found.values())[:MOST_LINKS]


def given_file(url: str) -> FileLink:
    """The file that a job names."""
    return FileLink(kind_of(url, ""), url, name_in(url), "parameters")


def is_file(url: str) -> bool:
    """Whether the address looks like that of a file that people attach to a session."""
    return _suffix(url) in _FILE_TYPES


def kind_of(url: str, title: str) -> Kind:
    """Whether a file is subtitles, slides or something else, as its link says."""
    if is_subtitles(url):
        return "subtitles"
    slides = (
        _suffix(url) in _SLIDE_TYPES or _SLIDES.search(title) or _SLIDES.search(urlsplit(url).path)
    )
    return "slides" if slides else "attachments"


def name_in(url: str) -> str:
    """The last part of the address' path."""
    return clean(unquote(PurePosixPath(urlsplit(url).path).name))


def pictures(
    document: Document, nodes: Iterable[LexborNode], source: str = "linked"
) -> Iterator[FileLink]:
    """The pictures in ``nodes``, without ornaments."""
    for node in (image for within in nodes for image in within.css("img[src]")):
        url = document.absolute(attribute(node, "src"))
        sizes = (attribute(node, name).removesuffix("px") for name in ("width", "height"))
        small = any(size.isdecimal() and int(size) < _LEAST_PIXELS for size in sizes)
        if url and not small and not _ORNAMENT.search(urlsplit(url).path):
            yield FileLink("images", url, clean(attribute(node, "alt")), source)


def _linked(document: Document) -> Iterator[FileLink]:
    for node in document.content.css("a[href]"):
        url, _ = urldefrag(attribute(node, "href"))
        if is_file(url):
            title = text_of(node) or name_in(url)
            yield FileLink(kind_of(url, title), url, title, "linked", language_in(url))


def _suffix(url: str) -> str:
    return PurePosixPath(urlsplit(url).path).suffix.lower()


def tracks(document: Document) -> Iterator[FileLink]:
    """The text tracks of all videos; chapters and descriptions are none."""
    for node in document.head.css("track[src]"):
        url = document.absolute(attribute(node, "src"))
        if url and attribute(node, "kind").strip().lower() in _KINDS:
            language = attribute(node, "srclang").strip()
            known = language if _LANGUAGE.fullmatch(language) else language_in(url)
            title = clean(attribute(node, "label")) or clean(_name(url))
            yield FileLink("subtitles", url, title, "linked", known)


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
