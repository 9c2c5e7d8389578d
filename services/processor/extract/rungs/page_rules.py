"""Rung: general rules for any page: heading, language, times, licence, videos."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import msgspec
from selectolax.lexbor import LexborHTMLParser, LexborNode

from services.processor.extract.facts import Facts, License, Video
from services.processor.extract.html.document import INLINE, Document, attribute, match_key, text_of
from services.processor.extract.html.nodes import HEADINGS, elements_with_class, nodes_under, select
from services.processor.extract.rungs.labels import VALUE_LIMIT, LabelValue, find_labels
from services.processor.extract.rungs.languages import language_tag
from services.processor.extract.rungs.people import find_speakers
from services.processor.extract.rungs.session_time import find_time

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
_UNKNOWN = frozenset({"tba", "tbd", "tbc", "to be announced", "to be confirmed", "n/a", "-", "?"})
_PLACE = frozenset({"location", "venue"})
_TRACK = frozenset({"track"})
_OTHER_WORDS = ("related", "similar", "recommend", "sponsor", "comment", "pagination", "upcoming")
_OTHER_SELECTOR = ", ".join(f"[class*={word} i], [id*={word} i]" for word in _OTHER_WORDS)
_OTHER_TALKS = re.compile(
    r"(?:other|more|related|similar|further|next|previous|upcoming|recommended|all|see also|weitere"
    r"|ähnliche|verwandte|andere|nächste)\b.*|sponsors|sponsoren|partner",
    re.IGNORECASE,
)
_MIN_TEXT_LENGTH = 80  # characters; a shorter description is ignored


def read_declared(document: Document) -> Facts:
    """Return what the page declares for machines."""
    return Facts(url=_canonical(document), language=_language(document), license=_license(document))


def read(document: Document) -> Facts:
    """Return what the page shows."""
    root = _copy_own_part(document)
    labels = find_labels(root)
    text = {field: value.text for field, value in labels.items() if _is_value(value.text)}
    time = find_time(root, labels)
    title = _title(document)
    return msgspec.structs.replace(
        read_declared(document),
        title=title,
        subtitle=_subtitle(root),
        type=text.get("type"),
        abstract=_abstract(root, labels),
        speakers=find_speakers(root, labels.get("speakers"), document),
        track=text.get("track") or _single_text(elements_with_class(root, _TRACK)),
        room=_room(root, text),
        language=language_tag(text.get("language", "")) or _language(document),
        start=time.start,
        end=time.end,
        timezone=time.timezone,
        start_raw=time.start_raw,
        end_raw=time.end_raw,
        tags=_tags(labels.get("tags")),
        videos=tuple(_videos(document)),
    )


def make_video(url: str, role: str) -> Video:
    """Build a video; only files have a media type."""
    suffix = PurePosixPath(urlsplit(url).path).suffix.lower()
    kind = VIDEO_TYPES.get(suffix)
    return Video(url, kind, "embed" if role == "embed" else "recording")


def is_video_url(url: str) -> bool:
    """True if the URL looks like that of a video file."""
    return PurePosixPath(urlsplit(url).path).suffix.lower() in VIDEO_TYPES


def _copy_own_part(document: Document) -> LexborNode:
    """Copy the main part, and drop what is about other sessions or sponsors."""
    root = LexborHTMLParser(document.content.html or "").root or document.content
    for other in root.css(_OTHER_SELECTOR):
        if other.css_first("h1") is None:  # else it is the session itself
            other.decompose()
    for heading in root.css("h2, h3, h4, h5, h6"):
        if _OTHER_TALKS.fullmatch(text_of(heading)):
            for node in list(nodes_under(heading)):
                node.decompose()
    return root


def _subtitle(root: LexborNode) -> str | None:
    return next(filter(None, (_single_text(root.css(selector)) for selector in _SUBTITLES)), None)


def _is_value(text: str) -> bool:
    return len(text) <= VALUE_LIMIT and text.strip(" .").casefold() not in _UNKNOWN


def _room(root: LexborNode, labels: Mapping[str, str]) -> str | None:
    """Return the room, or else the place."""
    room = labels.get("room") or _single_text(elements_with_class(root, _ROOM))
    return room or labels.get("place") or _single_text(elements_with_class(root, _PLACE))


def _single_text(nodes: Iterable[LexborNode]) -> str | None:
    """Return the short text that all nodes share, if they agree."""
    texts = {text for node in nodes if (text := text_of(node))}
    return texts.pop() if len(texts) == 1 and len(min(texts)) <= VALUE_LIMIT else None


def _abstract(root: LexborNode, labels: Mapping[str, LabelValue]) -> str | None:
    for field in ("abstract", "text"):
        if field in labels and len(labels[field].text) >= _MIN_TEXT_LENGTH:
            return _text_to_heading(labels[field])
    for selector in _ABSTRACTS:
        nodes = root.css(selector)
        if len(nodes) == 1:
            return text_of(nodes[0]) or None
    return None


def _text_to_heading(value: LabelValue) -> str:
    """Return the text up to the next heading."""
    prose = list(takewhile(lambda node: node.tag not in HEADINGS, value.nodes))
    in_line = not prose or prose[0].tag in INLINE
    return value.text if in_line else text_of(*prose)


def _tags(value: LabelValue | None) -> tuple[str, ...]:
    """Return the items of a list, or comma-separated words."""
    items = [text_of(node) for node in select(value.nodes, "a, li, .tag")] if value else []
    parts = items or (value.text.split(",") if value and len(value.text) <= VALUE_LIMIT else [])
    return tuple(dict.fromkeys(filter(None, map(str.strip, parts))))


def _title(document: Document) -> str | None:
    """Return the title that matches the job's session, else the likeliest one."""
    headings = (text_of(node) for node in document.content.css("h1"))
    declared = map(document.drop_site_name, document.declared_titles())
    likely = (*headings, _declared_heading(document), *declared)
    return document.find_title(document.session) or next(filter(None, likely), None)


def _declared_heading(document: Document) -> str | None:
    """Return the heading that equals a declared title."""
    headings = {match_key(text): text for text in document.headings()}
    return next(
        (headings[key] for key in map(match_key, document.title_parts()) if key in headings),
        None,
    )


def _canonical(document: Document) -> str | None:
    """Return the canonical URL, if it is on the same host."""
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
            yield make_video(absolute, role)


def _video_addresses(document: Document) -> Iterator[tuple[str, str]]:
    for node in document.head.css("video[src], video source[src]"):
        yield attribute(node, "src"), "recording"
    for node in document.content.css("a[href]"):
        if is_video_url(attribute(node, "href")):
            yield attribute(node, "href"), "recording"
    for node in document.head.css("iframe[src]"):
        host = urlsplit(document.absolute(attribute(node, "src")) or "").hostname or ""
        if _PLAYERS.search(host):
            yield attribute(node, "src"), "embed"
