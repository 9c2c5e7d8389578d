"""Rung: what the page itself shows and declares: heading, language, times, licence, videos."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import msgspec
from selectolax.lexbor import LexborHTMLParser, LexborNode

from services.processor.extract.facts import Facts, License, Video
from services.processor.extract.html.document import INLINE, Document, alike, attribute, text_of
from services.processor.extract.html.nodes import HEADINGS, classed, section, within
from services.processor.extract.rungs.labels import LONGEST_VALUE, LabelValue, labelled
from services.processor.extract.rungs.languages import language_tag
from services.processor.extract.rungs.people import speakers
from services.processor.extract.rungs.session_time import when

VIDEO_TYPES = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".ogv": "video/ogg",
}
_PLAYERS = re.compile(r"(?:^|\.)(?:youtube(?:-nocookie)?\.com|vimeo\.com|media\.ccc\.de)$")
_SUBTITLES = ("[class~=subtitle]", "[class*=subtitle]", "hgroup h2", "hgroup p")
_ABSTRACTS = ("[class~=abstract]", "#abstract", "[class*=abstract]")
_ROOM = frozenset({"room"})
_NOT_YET = frozenset({"tba", "tbd", "tbc", "to be announced", "to be confirmed", "n/a", "-", "?"})
_PLACE = frozenset({"location", "venue"})
_TRACK = frozenset({"track"})
_OTHERS = ("related", "similar", "recommend", "sponsor", "comment", "pagination", "upcoming")
_OTHER = ", ".join(f"[class*={word} i], [id*={word} i]" for word in _OTHERS)
_OTHER_TALKS = re.compile(
    r"(?:other|more|related|similar|further|next|previous|upcoming|recommended|all|see also|weitere"
    r"|ähnliche|verwandte|andere|nächste)\b.*|sponsors|sponsoren|partner",
    re.IGNORECASE,
)
_SHORTEST_TEXT = 80  # characters; a description below it is none


def declared(document: Document) -> Facts:
    """What a page says of itself for machines."""
    return Facts(url=_canonical(document), language=_language(document), license=_license(document))


def read(document: Document) -> Facts:
    """What can be seen on any page."""
    root = _own(document)
    said = labelled(root)
    text = {field: value.text for field, value in said.items() if _is_value(value.text)}
    time = when(root, said)
    title = _title(document)
    return msgspec.structs.replace(
        declared(document),
        title=title,
        subtitle=_subtitle(root),
        type=text.get("type"),
        abstract=_abstract(root, said),
        speakers=speakers(root, said.get("speakers"), document),
        track=text.get("track") or _only(classed(root, _TRACK)),
        room=_room(root, text),
        language=language_tag(text.get("language", "")) or _language(document),
        start=time.start,
        end=time.end,
        timezone=time.timezone,
        start_raw=time.start_raw,
        end_raw=time.end_raw,
        tags=_tags(said.get("tags")),
        videos=tuple(_videos(document)),
    )


def _own(document: Document) -> LexborNode:
    """A copy of the main part without what is about other sessions, and about sponsors."""
    root = LexborHTMLParser(document.content.html or "").root or document.content
    for other in root.css(_OTHER):
        if other.css_first("h1") is None:
            other.decompose()
    for heading in root.css("h2, h3, h4, h5, h6"):
        if _OTHER_TALKS.fullmatch(text_of(heading)):
            for node in list(section(heading)):
                node.decompose()
    return root


def _subtitle(root: LexborNode) -> str | None:
    return next(filter(None, (_only(root.css(selector)) for selector in _SUBTITLES)), None)


def _is_value(text: str) -> bool:
    return len(text) <= LONGEST_VALUE and text.strip(" .").casefold() not in _NOT_YET


def _room(root: LexborNode, said: Mapping[str, str]) -> str | None:
    """The room, or else the place."""
    room = said.get("room") or _only(classed(root, _ROOM))
    return room or said.get("place") or _only(classed(root, _PLACE))


def _only(nodes: Iterable[LexborNode]) -> str | None:
    """The one short text of the nodes; of several that differ, none is the right one."""
    texts = {text for node in nodes if (text := text_of(node))}
    return texts.pop() if len(texts) == 1 and len(min(texts)) <= LONGEST_VALUE else None


def _abstract(root: LexborNode, said: Mapping[str, LabelValue]) -> str | None:
    for field in ("abstract", "text"):
        if field in said and len(said[field].text) >= _SHORTEST_TEXT:
            return _prose(said[field])
    for selector in _ABSTRACTS:
        found = root.css(selector)
        if len(found) == 1:
            return text_of(found[0]) or None
    return None


def _prose(said: LabelValue) -> str:
    """What is said up to the next heading."""
    prose = list(takewhile(lambda node: node.tag not in HEADINGS, said.nodes))
    in_line = not prose or prose[0].tag in INLINE
    return said.text if in_line else text_of(*prose)


def _tags(said: LabelValue | None) -> tuple[str, ...]:
    """The items of a list, or what commas part."""
    items = [text_of(node) for node in within(said.nodes, "a, li, .tag")] if said else []
    parts = items or (said.text.split(",") if said and len(said.text) <= LONGEST_VALUE else [])
    return tuple(dict.fromkeys(filter(None, map(str.strip, parts))))


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
    declared = map(document.without_site, document.names())
    likely = (*main, _declared_heading(document), *declared)
    return document.shows(document.session) or next(filter(None, likely), None)


def _declared_heading(document: Document) -> str | None:
    """The heading of the main part that a declared title names."""
    shown = {alike(text): text for text in document.headings()}
    return next((shown[key] for key in map(alike, document.declared()) if key in shown), None)


def _canonical(document: Document) -> str | None:
    """The page's own address for itself, where that is on the same host."""
    node = document.head.css_first('link[rel="canonical" i][href]')
    url = document.absolute(attribute(node, "href")) if node else None
    if url and urlsplit(url).hostname == urlsplit(document.url).hostname:
        return url
    return None


def _language(document: Document) -> str | None:
    node = document.head.css_first("html[lang]")
    return language_tag(attribute(node, "lang")) if node else None


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
