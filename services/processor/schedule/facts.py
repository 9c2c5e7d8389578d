"""Convert a scheduled session to facts."""

import re
from collections.abc import Iterable, Iterator

from selectolax.lexbor import LexborHTMLParser

from services.processor.extract.facts import Facts, FileLink, License, Link, Speaker
from services.processor.extract.html.document import Document, clean, text_of
from services.processor.extract.markdown.fragment import nodes_markdown
from services.processor.extract.markdown.markdown import sanitize
from services.processor.extract.page import SCHEDULE
from services.processor.extract.rungs.languages import language_tag
from services.processor.extract.rungs.links import file_kind, filename_in
from services.processor.extract.rungs.page_rules import is_video_url, make_video
from services.processor.schedule.scheduled_session import Reference, Schedule, ScheduledSession
from services.processor.schedule.times import schedule_timezone, session_span

_TAG = re.compile(  # spares <https://…> and List<int>
    r"</?(?:p|br|a|b|i|em|strong|ul|ol|li|h[1-6]|div|span|code|pre|blockquote|table|tr|td|hr|img|u|"
    r"sub|sup|dl|dt|dd|section|article|figure|iframe|script|style|small|del|s|tt|cite)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)


def session_facts(session: ScheduledSession, schedule: Schedule, url: str) -> Facts:
    """Return what ``schedule``, found at ``url``, says about one session."""
    base = Document("", url, "")
    start, end = session_span(session, schedule)
    links = tuple(_links(session.links, base))
    recordings = (link.url for link in links if is_video_url(link.url))
    return Facts(
        id=session.guid or session.id or session.code or None,
        title=clean(session.title),
        subtitle=_plain_text(session.subtitle),
        type=clean(session.type) or None,
        abstract=_plain_text(session.abstract),
        body=_session_body(session, url),
        speakers=tuple(_speakers(session, base)),
        track=clean(session.track) or None,
        room=clean(session.room) or None,
        language=language_tag(session.language),
        start=start,
        end=end,
        timezone=schedule_timezone(schedule),
        do_not_record=session.do_not_record,
        license=License(clean(session.license), SCHEDULE) if session.license else None,
        videos=tuple(make_video(video, "recording") for video in recordings),
        files=tuple(_files(session.attachments, base)),
        links=links,
    )


def _session_body(session: ScheduledSession, url: str) -> str | None:
    texts = (session.abstract, session.description)
    return "\n\n".join(filter(None, (_markdown(text, url) for text in texts))) or None


def _markdown(text: str, url: str) -> str | None:
    """Convert HTML to Markdown; plain text is Markdown already."""
    if not _TAG.search(text):
        return sanitize(text.strip()) or None
    document = Document(text, url, "")
    return nodes_markdown(document, [document.head.body]) if document.head.body else None


def _plain_text(text: str) -> str | None:
    if _TAG.search(text):
        body = LexborHTMLParser(text).body
        text = text_of(body) if body else ""
    return clean(text) or None


def _speakers(session: ScheduledSession, base: Document) -> Iterator[Speaker]:
    for person in session.persons:
        if name := clean(person.name):
            url = base.absolute(person.url) if person.url else None
            yield Speaker(name, url, _plain_text(person.biography))


def _links(references: Iterable[Reference], base: Document) -> Iterator[Link]:
    for reference in references:
        if reference.url and (url := base.absolute(reference.url)):
            yield Link(clean(reference.title) or url, url)


def _files(references: Iterable[Reference], base: Document) -> Iterator[FileLink]:
    for reference in references:
        if reference.url and (url := base.absolute(reference.url)):
            title = clean(reference.title) or filename_in(url)
            is_slides = reference.type.casefold() == "slides"
            yield FileLink("slides" if is_slides else file_kind(url, title), url, title, SCHEDULE)
