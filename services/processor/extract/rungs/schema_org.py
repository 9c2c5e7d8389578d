"""What a schema.org Event says, in whichever notation a page has it."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, TypeAlias

from selectolax.lexbor import LexborHTMLParser

from services.processor.extract.facts import Facts, Speaker, Video
from services.processor.extract.html.document import Document, alike, clean
from services.processor.extract.rungs.date_parsing import iso
from services.processor.extract.rungs.languages import language_tag
from services.processor.extract.rungs.page_rules import video

_LONGEST = timedelta(days=2)
Json: TypeAlias = Any


def is_event(kind: Json) -> bool:
    """Whether a type is that of an event: ``Event``, ``EducationEvent``, by name or address."""
    return str(kind).endswith("Event")


def facts_of(event: Mapping[str, Json], document: Document, *titles: str) -> Facts | None:
    """What an Event says of the session; None where it is another's.

    Many pages carry one that describes the whole conference: it counts only where its name is
    the page's title, and where it is over within two days.
    """
    name = _text(event.get("name")) or ""
    known = {alike(title): title for title in titles}
    title = known.get(alike(name)) if titles else document.title_like(name)
    first, last = _text(event.get("startDate")), _text(event.get("endDate"))
    if title is None or _is_long(first, last):
        return None
    start, end = iso(first or ""), iso(last or "")
    return Facts(
        id=_text(event.get("identifier")),
        title=title,
        subtitle=_text(event.get("alternateName")),
        abstract=_text(event.get("description")),
        speakers=tuple(_speakers(event, document)),
        room=next(filter(None, map(_place, listed(event.get("location")))), None),
        language=_language(event.get("inLanguage")),
        start=start,
        end=end,
        start_raw=None if start else first,
        tags=_tags(event.get("keywords")),
        videos=tuple(_videos(event, document)),
    )


def _place(place: Json) -> str | None:
    """A place's name; what happens online has an address, and no room."""
    return _text(place.get("name") if isinstance(place, dict) else place)


def _language(said: Json) -> str | None:
    """A language, as a tag, a name, or an object that has either."""
    for each in listed(said):
        names = [each.get("alternateName"), each.get("name")] if isinstance(each, dict) else [each]
        for name in filter(None, map(_text, names)):
            if tag := language_tag(name):
                return tag
    return None


def _tags(said: Json) -> tuple[str, ...]:
    words = said.split(",") if isinstance(said, str) else listed(said)
    return tuple(dict.fromkeys(filter(None, map(_text, words))))


def _videos(event: Mapping[str, Json], document: Document) -> Iterator[Video]:
    """The recording: `recordedIn` says which it is."""
    for recording in listed(event.get("recordedIn")):
        about = recording if isinstance(recording, dict) else {}
        for name, role in (("contentUrl", "recording"), ("embedUrl", "embed")):
            url = about.get(name)
            if isinstance(url, str) and (absolute := document.absolute(url)):
                yield video(absolute, role)


def _speakers(event: Mapping[str, Json], document: Document) -> Iterator[Speaker]:
    """Who performs; the organizer may be anybody."""
    for key in ("performer", "performers", "actor", "actors"):
        people = listed(event.get(key))
        for about in (each if isinstance(each, dict) else {"name": each} for each in people):
            name, url = _text(about.get("name")), about.get("url") or about.get("sameAs")
            if name:
                address = document.absolute(url) if isinstance(url, str) else None
                yield Speaker(name, address, _text(about.get("description")))
        if people:
            return


def _is_long(first: str | None, last: str | None) -> bool:
    """Whether it takes longer than any session does."""
    try:
        days = [date.fromisoformat((said or "")[:10]) for said in (first, last)]
    except ValueError:
        return False
    return days[1] - days[0] > _LONGEST


def _text(value: Json) -> str | None:
    """Text without the HTML that may be in it."""
    if not isinstance(value, str):
        return None
    text = LexborHTMLParser(value).text(separator=" ") if "<" in value else value
    return clean(text) or None


def listed(value: Json) -> list[Json]:
    """A value that may be one, several or none, as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
