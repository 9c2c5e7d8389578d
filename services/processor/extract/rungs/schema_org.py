"""Convert a schema.org Event, in any notation, to facts."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, TypeAlias

from selectolax.lexbor import LexborHTMLParser

from services.processor.extract.facts import Facts, Speaker, Video
from services.processor.extract.html.document import Document, clean, match_key
from services.processor.extract.rungs.date_parsing import parse_iso
from services.processor.extract.rungs.languages import language_tag
from services.processor.extract.rungs.page_rules import make_video

_MAX_DURATION = timedelta(days=2)
Json: TypeAlias = Any


def is_event(kind: Json) -> bool:
    """True if a type is an event: ``Event``, ``EducationEvent``, by name or URL."""
    return str(kind).endswith("Event")


def event_facts(event: Mapping[str, Json], document: Document, *titles: str) -> Facts | None:
    """Return the facts of an Event, if it describes this session.

    Many pages carry the Event of the whole conference. So it counts only if its name is the
    page's title, and if it ends within two days.
    """
    name = _text(event.get("name")) or ""
    known = {match_key(title): title for title in titles}
    title = known.get(match_key(name)) if titles else document.find_own_title(name)
    first, last = _text(event.get("startDate")), _text(event.get("endDate"))
    if title is None or _is_long(first, last):
        return None
    start, end = parse_iso(first or ""), parse_iso(last or "")
    return Facts(
        id=_text(event.get("identifier")),
        title=title,
        subtitle=_text(event.get("alternateName")),
        abstract=_text(event.get("description")),
        speakers=tuple(_speakers(event, document)),
        room=next(filter(None, map(_place_name, as_list(event.get("location")))), None),
        language=_language(event.get("inLanguage")),
        start=start,
        end=end,
        start_raw=None if start else first,
        tags=_tags(event.get("keywords")),
        videos=tuple(_videos(event, document)),
    )


def as_list(value: Json) -> list[Json]:
    """Return a value as a list, whether it is one, several or missing."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _place_name(place: Json) -> str | None:
    """Return a place's name; an online place has only a URL."""
    return _text(place.get("name") if isinstance(place, dict) else place)


def _language(value: Json) -> str | None:
    """Return the language of a tag, a name, or an object that has either."""
    for each in as_list(value):
        names = [each.get("alternateName"), each.get("name")] if isinstance(each, dict) else [each]
        for name in filter(None, map(_text, names)):
            if tag := language_tag(name):
                return tag
    return None


def _tags(value: Json) -> tuple[str, ...]:
    words = value.split(",") if isinstance(value, str) else as_list(value)
    return tuple(dict.fromkeys(filter(None, map(_text, words))))


def _videos(event: Mapping[str, Json], document: Document) -> Iterator[Video]:
    """Yield the recording, by `recordedIn`."""
    for recording in as_list(event.get("recordedIn")):
        about = recording if isinstance(recording, dict) else {}
        for name, role in (("contentUrl", "recording"), ("embedUrl", "embed")):
            url = about.get(name)
            if isinstance(url, str) and (absolute := document.absolute(url)):
                yield make_video(absolute, role)


def _speakers(event: Mapping[str, Json], document: Document) -> Iterator[Speaker]:
    """Yield the performers; the organizer is often the conference."""
    for key in ("performer", "performers", "actor", "actors"):
        people = as_list(event.get(key))
        for about in (each if isinstance(each, dict) else {"name": each} for each in people):
            name, url = _text(about.get("name")), about.get("url") or about.get("sameAs")
            if name:
                address = document.absolute(url) if isinstance(url, str) else None
                yield Speaker(name, address, _text(about.get("description")))
        if people:
            return


def _is_long(first: str | None, last: str | None) -> bool:
    """True if it lasts longer than a session can."""
    try:
        days = [date.fromisoformat((text or "")[:10]) for text in (first, last)]
    except ValueError:
        return False
    return days[1] - days[0] > _MAX_DURATION


def _text(value: Json) -> str | None:
    """Return text, stripped of HTML."""
    if not isinstance(value, str):
        return None
    text = LexborHTMLParser(value).text(separator=" ") if "<" in value else value
    return clean(text) or None
