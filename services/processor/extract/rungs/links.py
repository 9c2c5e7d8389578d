"""Rung: links in the main part: files of the session, and other pages."""

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
from services.processor.extract.rungs.page_rules import is_video_url

MAX_LINKS = 200  # each goes into the front matter
MAX_IMAGES = 20  # each is fetched from the host
SUBTITLE_TYPES = frozenset({".vtt", ".srt"})
_SLIDES = re.compile(r"slide|presentation|folien|\bdeck\b", re.IGNORECASE)
_SLIDE_TYPES = {".ppt", ".pptx", ".odp", ".key"}
_FILE_TYPES = _SLIDE_TYPES | {".pdf", ".odt", ".doc", ".docx", ".epub", ".ods", ".xlsx", ".csv"}
_FILE_TYPES |= {".zip", ".gz", ".tgz", ".txt", ".ipynb", ".ps"} | SUBTITLE_TYPES
_SUBTITLE_KINDS = frozenset({"subtitles", "captions", ""})
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][a-z0-9]{2,8})*", re.IGNORECASE)
_MIN_PIXELS = 64  # a smaller image is decoration
_ORNAMENT = re.compile(r"avatar|icon|logo|sprite|pixel|badge", re.IGNORECASE)


def read(document: Document) -> Facts:
    """Return all files and links of the main part."""
    return Facts(files=tuple(find_files(document)), links=tuple(find_links(document)))


def find_files(document: Document) -> list[FileLink]:
    """Return slides, papers and pictures in the page's order, each once."""
    by_url: dict[str, FileLink] = {}
    for file_link in (
        *find_tracks(document),
        *_find_linked_files(document),
        *islice(find_pictures(document, [document.content]), MAX_IMAGES),
    ):
        by_url.setdefault(file_link.url, file_link)
    return list(by_url.values())


def find_links(document: Document) -> list[Link]:
    """Return the other links in the page's order, each once; at most `MAX_LINKS`."""
    by_url: dict[str, Link] = {}
    for node in document.content.css("a[href]"):
        url, title = attribute(node, "href"), text_of(node)
        if title and not (is_file_url(url) or is_video_url(url) or is_same_page(url, document.url)):
            by_url.setdefault(url, Link(title, url))
    return list(by_url.values())[:MAX_LINKS]


def parameter_file(url: str) -> FileLink:
    """Return the file that the job names."""
    return FileLink(file_kind(url, ""), url, filename_in(url), "parameters")


def is_file_url(url: str) -> bool:
    """True if the URL looks like that of an attached file."""
    return _suffix(url) in _FILE_TYPES


def file_kind(url: str, title: str) -> Kind:
    """Classify a file as subtitles, slides or attachment by its link."""
    if is_subtitles_url(url):
        return "subtitles"
    slides = (
        _suffix(url) in _SLIDE_TYPES or _SLIDES.search(title) or _SLIDES.search(urlsplit(url).path)
    )
    return "slides" if slides else "attachments"


def filename_in(url: str) -> str:
    """Return the last part of the URL's path."""
    return clean(unquote(PurePosixPath(urlsplit(url).path).name))


def find_pictures(
    document: Document, nodes: Iterable[LexborNode], source: str = "linked"
) -> Iterator[FileLink]:
    """Yield the pictures in ``nodes``, skipping decoration."""
    for node in (image for within in nodes for image in within.css("img[src]")):
        url = document.absolute(attribute(node, "src"))
        sizes = (attribute(node, name).removesuffix("px") for name in ("width", "height"))
        is_small = any(size.isdecimal() and int(size) < _MIN_PIXELS for size in sizes)
        if url and not is_small and not _ORNAMENT.search(urlsplit(url).path):
            yield FileLink("images", url, clean(attribute(node, "alt")), source)


def find_tracks(document: Document) -> Iterator[FileLink]:
    """Yield the text tracks of all videos; chapters and descriptions are skipped."""
    for node in document.head.css("track[src]"):
        url = document.absolute(attribute(node, "src"))
        if url and attribute(node, "kind").strip().lower() in _SUBTITLE_KINDS:
            language = attribute(node, "srclang").strip()
            tag = language if _LANGUAGE.fullmatch(language) else language_in(url)
            title = clean(attribute(node, "label")) or clean(_filename(url))
            yield FileLink("subtitles", url, title, "linked", tag)


def is_subtitles_url(url: str) -> bool:
    """True if the URL looks like that of subtitles."""
    return PurePosixPath(_filename(url)).suffix.lower() in SUBTITLE_TYPES


def language_in(url: str) -> str | None:
    """Return the language in the name of a subtitle file, as in talk.en.vtt."""
    if not is_subtitles_url(url):
        return None
    suffix = PurePosixPath(PurePosixPath(_filename(url)).stem).suffix.removeprefix(".")
    return suffix if _LANGUAGE.fullmatch(suffix) else None


def _find_linked_files(document: Document) -> Iterator[FileLink]:
    for node in document.content.css("a[href]"):
        url, _ = urldefrag(attribute(node, "href"))
        if is_file_url(url):
            title = text_of(node) or filename_in(url)
            yield FileLink(file_kind(url, title), url, title, "linked", language_in(url))


def _suffix(url: str) -> str:
    return PurePosixPath(urlsplit(url).path).suffix.lower()


def _filename(url: str) -> str:
    return unquote(PurePosixPath(urlsplit(url).path).name)
