"""An event of a schedule as facts about a session."""

import re
from collections.abc import Iterable, Iterator

from selectolax.lexbor import LexborHTMLParser

from services.processor.extract.facts import Facts, FileLink, License, Link, Speaker
from services.processor.extract.html.document import Document, clean, text_of
from services.processor.extract.markdown.fragment import body_of
from services.processor.extract.markdown.markdown import harmless
from services.processor.extract.page import SCHEDULE
from services.processor.extract.rungs.languages import language_tag
from services.processor.extract.rungs.links import kind_of, name_in
from services.processor.extract.rungs.page_rules import is_video, video
from services.processor.schedule.scheduled_session import Reference, Schedule, ScheduledSession
from services.processor.schedule.times import span_of, timezone_of

_TAG = re.compile(  # and not an address or a type of some language in angle brackets
    r"</?(?:p|br|a|b|i|em|strong|ul|ol|li|h[1-6]|div|span|code|pre|blockquote|table|tr|td|hr|img|u|"
    r"sub|sup|dl|dt|dd|section|article|figure|iframe|script|style|small|del|s|tt|cite)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)


def facts_of(event: ScheduledSession, schedule: Schedule, url: str) -> Facts:
    """What ``schedule``, which was found at ``url``, says of one session."""
    here = Document("", url, "")
    start, end = span_of(event, schedule)
    links = tuple(_links(event.links, here))
    recordings = (link.url for link in links if is_video(link.url))
    return Facts(
        id=event.guid or event.id or event.code or None,
        title=clean(event.title),
        subtitle=_plain(event.subtitle),
        type=clean(event.type) or None,
        abstract=_plain(event.abstract),
        body=_body(event, url),
        speakers=tuple(_speakers(event, here)),
        track=clean(event.track) or None,
        room=clean(event.room) or None,
        language=language_tag(event.language),
        start=start,
        end=end,
        timezone=timezone_of(schedule),
        do_not_record=event.do_not_record,
        license=License(clean(event.license), SCHEDULE) if event.license else None,
        videos=tuple(video(found, "recording") for found in recordings),
        files=tuple(_files(event.attachments, here)),
        links=links,
    )


def _body(event: ScheduledSession, url: str) -> str | None:
    texts = (event.abstract, event.description)
    return "\n\n".join(filter(None, (_markdown(text, url) for text in texts))) or None


def _markdown(text: str, url: str) -> str | None:
    """HTML as Markdown; what has no tags is Markdown already."""
    if not _TAG.search(text):
        return harmless(text.strip()) or None
    document = Document(text, url, "")
    return body_of(document, [document.head.body]) if document.head.body else None


def _plain(text: str) -> str | None:
    if _TAG.search(text):
        body = LexborHTMLParser(text).body
        text = text_of(body) if body else ""
    return clean(text) or None


def _speakers(event: ScheduledSession, here: Document) -> Iterator[Speaker]:
    for person in event.persons:
        if name := clean(person.name):
            url = here.absolute(person.url) if person.url else None
            yield Speaker(name, url, _plain(person.biography))


def _links(references: Iterable[Reference], here: Document) -> Iterator[Link]:
    for reference in references:
        if reference.url and (url := here.absolute(reference.url)):
            yield Link(clean(reference.title) or url, url)


def _files(references: Iterable[Reference], here: Document) -> Iterator[FileLink]:
    for reference in references:
        if reference.url and (url := here.absolute(reference.url)):
            title = clean(reference.title) or name_in(url)
            is_slides = reference.type.casefold() == "slides"
            yield FileLink("slides" if is_slides else kind_of(url, title), url, title, SCHEDULE)
