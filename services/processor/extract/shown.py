"""Rung: what the page itself shows and declares: heading, language, times, licence, videos."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import msgspec

from services.processor.extract.document import Document, attribute, text_of
from services.processor.extract.facts import Facts, License, Video

VIDEO_TYPES = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".ogv": "video/ogg",
}
_PLAYERS = re.compile(r"(?:^|\.)(?:youtube(?:-nocookie)?\.com|vimeo\.com|media\.ccc\.de)$")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*", re.IGNORECASE)
_PUBLISHED = re.compile(r"publi|updat|modif|posted|entry-date|created", re.IGNORECASE)
_LONGEST_SESSION = timedelta(hours=24)


def declared(document: Document) -> Facts:
    """What a page says of itself for machines."""
    return Facts(url=_canonical(document), language=_language(document), license=_license(document))


def read(document: Document) -> Facts:
    """What can be seen on any page."""
    start, end = _times(document)
    return msgspec.structs.replace(
        declared(document),
        title=_title(document),
        start=start,
        end=end,
        videos=tuple(_videos(document)),
    )


def video(url: str, role: str) -> Video:
    """A video at ``url``; a player's page has no type."""
    suffix = PurePosixPath(urlsplit(url).path).suffix.lower()
    kind = VIDEO_TYPES.get(suffix)
    return Video(url, kind, "embed" if role == "embed" else "recording")


def is_video(url: str) -> bool:
    """Whether the address looks like that of a video file."""
    return PurePosixPath(urlsplit(url).path).suffix.lower() in VIDEO_TYPES


def _title(document: Document) -> str | None:
    """The title that is the job's session; else the likeliest."""
    main = (text_of(node) for node in document.content.css("h1"))
    return document.shows(document.session) or next(filter(None, (*main, *document.names())), None)


def _canonical(document: Document) -> str | None:
    """The page's own address for itself, where that is on the same host."""
    node = document.head.css_first('link[rel="canonical" i][href]')
    url = document.absolute(attribute(node, "href")) if node else None
    if url and urlsplit(url).hostname == urlsplit(document.url).hostname:
        return url
    return None


def _language(document: Document) -> str | None:
    node = document.head.css_first("html[lang]")
    language = attribute(node, "lang").strip() if node else ""
    return language if _LANGUAGE.fullmatch(language) else None


def _times(document: Document) -> tuple[str | None, str | None]:
    """Start and end, if the main part shows one moment or two; a list of many is not ours."""
    moments = sorted(set(_moments(document)), key=lambda moment: moment.replace(tzinfo=None))
    match moments:
        case [start]:
            return start.isoformat(), None
        case [start, end] if start.tzinfo == end.tzinfo and end - start <= _LONGEST_SESSION:
            return start.isoformat(), end.isoformat()
        case _:
            return None, None


def _moments(document: Document) -> Iterator[datetime]:
    for node in document.content.css("time[datetime]"):
        about = " ".join(attribute(node, name) for name in ("class", "itemprop"))
        value = attribute(node, "datetime").strip()
        if "pubdate" in node.attributes or _PUBLISHED.search(about) or ":" not in value:
            continue
        try:
            yield datetime.fromisoformat(value)
        except ValueError:
            continue


def _license(document: Document) -> License | None:
    declared = document.meta("DC.Rights", "dcterms.license")
    if declared:
        return License(declared, "meta DC.Rights")
    node = document.head.css_first('a[rel~="license" i][href], link[rel~="license" i][href]')
    url = document.absolute(attribute(node, "href")) if node else None
    return License(url, "rel=license") if url else None


def _videos(document: Document) -> Iterator[Video]:
    seen = set()
    for url, role in _video_addresses(document):
        absolute = document.absolute(url)
        if absolute and absolute not in seen:
            seen.add(absolute)
            yield video(absolute, role)


def _video_addresses(document: Document) -> Iterator[tuple[str, str]]:
    for node in document.head.css("video[src], video source[src]"):
        yield attribute(node, "src"), "recording"
    for node in document.content.css("a[href]"):
        if is_video(attribute(node, "href")):
            yield attribute(node, "href"), "recording"
    for node in document.head.css("iframe[src]"):
        host = urlsplit(document.absolute(attribute(node, "src")) or "").hostname or ""
        if _PLAYERS.search(host):
            yield attribute(node, "src"), "embed"
