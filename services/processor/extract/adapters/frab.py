"""Adapter: an event of frab, in the markup that it had until 2024."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from selectolax.lexbor import LexborNode

from services.processor.extract.facts import Facts, FileLink, Link, Speaker, Video
from services.processor.extract.html.document import Document, alike, attribute, text_of
from services.processor.extract.html.nodes import under_heading
from services.processor.extract.markdown.fragment import body_of
from services.processor.extract.rungs.date_parsing import at, duration_in, span_in
from services.processor.extract.rungs.labels import labelled
from services.processor.extract.rungs.languages import language_tag
from services.processor.extract.rungs.links import kind_of, pictures
from services.processor.extract.rungs.page_rules import video

NAME = "adapter:frab"
_TYPES = re.compile(
    r"(?:lecture|talk|workshop|podium|lightning[ _]talk|meeting|film|movie|concert|dj[ _]?set|party"
    r"|performance|discussion|panel|keynote|presentation|tutorial|devroom|game|other|vortrag"
    r"|podiumsdiskussion|treffen|konzert|sonstiges|andere|diskussion|conférence|atelier|autre)",
    re.IGNORECASE,
)
_LINKS = frozenset({"links"})
_FILES = frozenset({"files", "attachments", "attached files", "dateien", "anhänge"})
_NOT_RECORDED = re.compile(r"not be recorded|not recorded|nicht aufgezeichnet", re.IGNORECASE)


def read(document: Document) -> Facts | None:
    """The event; None where the page is none of frab's."""
    basic, details = document.head.css_first("#basic"), document.head.css_first("#details")
    heading = document.main.css_first("h2")
    if basic is None or details is None or heading is None:
        return None
    kind, title = _named(text_of(heading), document)
    subtitle = document.main.css_first("h3.title")
    said = {field: value.text for field, value in labelled(details).items()}
    start, end = _times(said)
    return Facts(
        title=title,
        subtitle=text_of(subtitle) if subtitle else None,
        type=kind,
        abstract=text_of(*basic.css("p.abstract")),
        body=body_of(document, basic.css("p.abstract, p.description")),
        speakers=tuple(_speakers(document)),
        track=said.get("track"),
        room=said.get("room"),
        language=language_tag(said.get("language", "")),
        start=start,
        end=end,
        start_raw=" ".join(said[field] for field in ("day", "start") if field in said) or None,
        do_not_record=bool(_NOT_RECORDED.search(text_of(*basic.css("p > b")))) or None,
        videos=tuple(_videos(document)),
        files=(*_files(details, document), *pictures(document, [basic], NAME)),
        links=tuple(_links(details, document)),
    )


def _named(heading: str, document: Document) -> tuple[str | None, str]:
    """Type and title; a colon may also be the title's own."""
    kind, colon, title = heading.partition(": ")
    is_type = _TYPES.fullmatch(kind) or alike(title) == alike(document.session)
    return (kind, title) if colon and is_type else (None, heading)


def _times(said: Mapping[str, str]) -> tuple[str | None, str | None]:
    day, start = span_in(said.get("day", "")).day, span_in(said.get("start", "")).start
    begins, _ = at(day, start, None)
    length = duration_in(said.get("duration", ""))
    if begins is None or length is None:
        return begins, None
    return begins, (datetime.fromisoformat(begins) + length).isoformat()


def _videos(document: Document) -> Iterator[Video]:
    for node in document.head.css("video source[src], video[src]"):
        if url := document.absolute(attribute(node, "src")):
            yield video(url, "recording")


def _speakers(document: Document) -> Iterator[Speaker]:
    for link in document.head.css("#sidebar tr a[href]"):
        if name := text_of(link):
            yield Speaker(name, document.absolute(attribute(link, "href")))


def _files(details: LexborNode, document: Document) -> Iterator[FileLink]:
    for title, url in _linked(under_heading(details, _FILES), document):
        yield FileLink(kind_of(url, title), url, title, NAME)


def _links(details: LexborNode, document: Document) -> Iterator[Link]:
    for title, url in _linked(under_heading(details, _LINKS), document):
        if not url.endswith(".ics"):
            yield Link(title, url)


def _linked(found: LexborNode | None, document: Document) -> Iterator[tuple[str, str]]:
    for link in found.css("a[href]") if found else ():
        if url := document.absolute(attribute(link, "href")):
            yield text_of(link) or url, url
