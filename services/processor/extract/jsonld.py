"""Rung: a schema.org Event in JSON-LD, if it is this session's.

Many pages carry one that describes the whole conference: it counts only where its name is a title
that the page shows.
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeAlias

from selectolax.lexbor import LexborHTMLParser

from services.processor.extract.document import Document, clean
from services.processor.extract.facts import Facts, Speaker

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
    place = next(iter(_listed(event.get("location"))), None)
    return Facts(
        title=title,
        subtitle=_text(event.get("alternateName")),
        abstract=_text(event.get("description")),
        speakers=tuple(_speakers(event, document)),
        room=_text(place.get("name") if isinstance(place, dict) else place),
        start=start,
        end=end,
        start_raw=None if start else _text(event.get("startDate")),
    )


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
    for person in _listed(event.get("performer") or event.get("performers")):
        about = person if isinstance(person, dict) else {"name": person}
        name, url = _text(about.get("name")), about.get("url")
        if name:
            yield Speaker(name, document.absolute(url) if isinstance(url, str) else None)


def _moment(value: Json) -> str | None:
    """A date with a time, as ISO 8601."""
    try:
        moment = datetime.fromisoformat(str(value).strip())
    except ValueError:
        return None
    return moment.isoformat() if ":" in str(value) else None


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
