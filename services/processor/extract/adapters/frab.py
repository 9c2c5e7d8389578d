"""Adapter: frab, in its markup until 2024."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from selectolax.lexbor import LexborNode

from services.processor.extract.facts import Facts, FileLink, Link, Speaker, Video
from services.processor.extract.html.document import Document, attribute, match_key, text_of
from services.processor.extract.html.nodes import element_under_heading
from services.processor.extract.markdown.fragment import nodes_markdown
from services.processor.extract.rungs.date_parsing import parse_duration, parse_span, to_iso
from services.processor.extract.rungs.labels import find_labels
from services.processor.extract.rungs.languages import language_tag
from services.processor.extract.rungs.links import file_kind, find_pictures
from services.processor.extract.rungs.page_rules import make_video

NAME = "adapter:frab"
_TYPES = re.compile(
    r"(?:lecture|talk|workshop|podium|lightning[ _]talk|meeting|film|movie|concert|dj[ _]?set|party"
    r"|performance|discussion|panel|keynote|presentation|tutorial|devroom|game|other|vortrag"
    r"|podiumsdiskussion|treffen|konzert|sonstiges|andere|diskussion|conférence|atelier|autre)",
    re.IGNORECASE,
)
_LINKS = frozenset({"links"})
_FILES = frozenset({"files", "attachments", "attached files", "dateien", "anhänge"})
_OPT_OUT = re.compile(r"not be recorded|not recorded|nicht aufgezeichnet", re.IGNORECASE)


def read(document: Document) -> Facts | None:
    """Return the session if the page is one of frab's."""
    basic, details = document.head.css_first("#basic"), document.head.css_first("#details")
    heading = document.main.css_first("h2")
    if basic is None or details is None or heading is None:
        return None
    kind, title = _split_heading(text_of(heading), document)
    subtitle = document.main.css_first("h3.title")
    texts = {field: value.text for field, value in find_labels(details).items()}
    start, end = _read_times(texts)
    return Facts(
        title=title,
        subtitle=text_of(subtitle) if subtitle else None,
        type=kind,
        abstract=text_of(*basic.css("p.abstract")),
        body=nodes_markdown(document, basic.css("p.abstract, p.description")),
        speakers=tuple(_speakers(document)),
        track=texts.get("track"),
        room=texts.get("room"),
        language=language_tag(texts.get("language", "")),
        start=start,
        end=end,
        start_raw=" ".join(texts[field] for field in ("day", "start") if field in texts) or None,
        do_not_record=bool(_OPT_OUT.search(text_of(*basic.css("p > b")))) or None,
        videos=tuple(_videos(document)),
        files=(*_files(details, document), *find_pictures(document, [basic], NAME)),
        links=tuple(_links(details, document)),
    )


def _split_heading(heading: str, document: Document) -> tuple[str | None, str]:
    """Split a heading into type and title; a colon may also belong to the title."""
    kind, colon, title = heading.partition(": ")
    is_type = _TYPES.fullmatch(kind) or match_key(title) == match_key(document.session)
    return (kind, title) if colon and is_type else (None, heading)


def _read_times(details: Mapping[str, str]) -> tuple[str | None, str | None]:
    day, start = parse_span(details.get("day", "")).day, parse_span(details.get("start", "")).start
    begin, _ = to_iso(day, start, None)
    length = parse_duration(details.get("duration", ""))
    if begin is None or length is None:
        return begin, None
    return begin, (datetime.fromisoformat(begin) + length).isoformat()


def _videos(document: Document) -> Iterator[Video]:
    for node in document.head.css("video source[src], video[src]"):
        if url := document.absolute(attribute(node, "src")):
            yield make_video(url, "recording")


def _speakers(document: Document) -> Iterator[Speaker]:
    for link in document.head.css("#sidebar tr a[href]"):
        if name := text_of(link):
            yield Speaker(name, document.absolute(attribute(link, "href")))


def _files(details: LexborNode, document: Document) -> Iterator[FileLink]:
    for title, url in _links_in(element_under_heading(details, _FILES), document):
        yield FileLink(file_kind(url, title), url, title, NAME)


def _links(details: LexborNode, document: Document) -> Iterator[Link]:
    for title, url in _links_in(element_under_heading(details, _LINKS), document):
        if not url.endswith(".ics"):
            yield Link(title, url)


def _links_in(section: LexborNode | None, document: Document) -> Iterator[tuple[str, str]]:
    for link in section.css("a[href]") if section else ():
        if url := document.absolute(attribute(link, "href")):
            yield text_of(link) or url, url
