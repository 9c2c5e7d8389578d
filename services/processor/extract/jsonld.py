"""Rung: a schema.org Event in JSON-LD, if it is this session's.

Many pages carry one that describes the whole conference: it counts only where its name is a title
that the page shows.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from selectolax.lexbor import LexborHTMLParser

from services.processor.extract.document import Document, clean
from services.processor.extract.facts import Facts, Speaker, Video
from services.processor.extract.languages import language_tag
from services.processor.extract.moments import iso
from services.processor.extract.shown import video

_COMMENT = re.compile(r"<!--|-->|/\*.*?\*/|^\s*//.*?$|<!\[CDATA\[|\]\]>", re.DOTALL | re.MULTILINE)
_NESTED = ("@graph", "mainEntity", "mainEntityOfPage", "subEvent", "about")
_DEEPEST = 5
Json: TypeAlias = Any


def read(document: Document) -> Facts:
    """What the matching Event says; nothing where there is none."""
    for node in document.head.css('script[type*="ld+json" i]'):
        for event in _events(_loaded(node.text()), _DEEPEST):
            title = document.shows(_text(event.get("name")) or "")
            if title:
                return _facts(event, title, document)
    return Facts()


def _facts(event: dict[str, Any], title: str, document: Document) -> Facts:
    start, end = _moment(event.get("startDate")), _moment(event.get("endDate"))
    return Facts(
        id=_text(event.get("identifier")),
        title=title,
        subtitle=_text(event.get("alternateName")),
        abstract=_text(event.get("description")),
        speakers=tuple(_speakers(event, document)),
        room=next(filter(None, map(_place, _listed(event.get("location")))), None),
        language=_language(event.get("inLanguage")),
        start=start,
        end=end,
        start_raw=None if start else _text(event.get("startDate")),
        tags=_tags(event.get("keywords")),
        videos=tuple(_videos(event, document)),
    )


def _place(place: Json) -> str | None:
    """A place's name; what happens online has an address, and no room."""
    return _text(place.get("name") if isinstance(place, dict) else place)


def _language(said: Json) -> str | None:
    """A language, as a tag, a name, or an object that has either."""
    for each in _listed(said):
        names = [each.get("alternateName"), each.get("name")] if isinstance(each, dict) else [each]
        for name in filter(None, map(_text, names)):
            if tag := language_tag(name):
                return tag
    return None


def _tags(said: Json) -> tuple[str, ...]:
    words = said.split(",") if isinstance(said, str) else _listed(said)
    return tuple(dict.fromkeys(filter(None, map(_text, words))))


def _videos(event: dict[str, Any], document: Document) -> Iterator[Video]:
    """The recording: `recordedIn` says which it is."""
    for recording in _listed(event.get("recordedIn")):
        about = recording if isinstance(recording, dict) else {}
        for name, role in (("contentUrl", "recording"), ("embedUrl", "embed")):
            url = about.get(name)
            if isinstance(url, str) and (absolute := document.absolute(url)):
                yield video(absolute, role)


def _loaded(text: str) -> Json:
    """The JSON, also where comments or control characters are in it; None where it is none."""
    for candidate in (text, _COMMENT.sub("", text)):
        try:
            return json.loads(candidate, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _events(found: Json, depth: int) -> Iterator[dict[str, Any]]:
    if depth == 0:
        return
    if isinstance(found, list):
        for item in found:
            yield from _events(item, depth - 1)
    if isinstance(found, dict):
        if any(str(kind).endswith("Event") for kind in _listed(found.get("@type"))):
            yield found
        for key in _NESTED:
            yield from _events(found.get(key), depth - 1)


def _speakers(event: dict[str, Any], document: Document) -> Iterator[Speaker]:
    """Who performs; the organizer may be anybody."""
    for key in ("performer", "performers", "actor", "actors"):
        people = _listed(event.get(key))
        for about in (each if isinstance(each, dict) else {"name": each} for each in people):
            name, url = _text(about.get("name")), about.get("url") or about.get("sameAs")
            if name:
                address = document.absolute(url) if isinstance(url, str) else None
                yield Speaker(name, address, _text(about.get("description")))
        if people:
            return


def _moment(value: Json) -> str | None:
    """A date with a time, as ISO 8601."""
    return iso(value) if isinstance(value, str) else None


def _text(value: Json) -> str | None:
    """Text without the HTML that may be in it."""
    if not isinstance(value, str):
        return None
    text = LexborHTMLParser(value).text(separator=" ") if "<" in value else value
    return clean(text) or None


def _listed(value: Json) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
