"""Read a schedule's file into entries for look-up."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from services.processor.extract.html.document import match_key
from services.processor.schedule.facts import session_facts
from services.processor.schedule.from_json import read_json
from services.processor.schedule.from_xml import read_xml
from services.processor.schedule.scheduled_session import Schedule, ScheduledSession, Unreadable

MAX_SESSIONS = 20_000  # FOSDEM has some 900; more would only fill the memory
_NUMBERED = re.compile(r"\d")  # a query without digits may only name a language


class ScheduleEntry(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One session, with its `services.processor.extract.facts.Facts` in MessagePack."""

    title: str
    paths: tuple[str, ...]  # of the session's page
    names: tuple[str, ...]  # how URLs of the page may end
    numbers: tuple[str, ...]  # the same, but other numberings may collide
    start: str | None
    facts: bytes


def read_schedule(path: Path, url: str) -> list[ScheduleEntry]:
    """Read the schedule in ``path``, downloaded from ``url``.

    Raises:
        Unreadable: it is no schedule.
    """
    content = path.read_bytes().lstrip(b"\xef\xbb\xbf \t\r\n")
    schedule = read_json(content) if content.startswith(b"{") else read_xml(content)
    sessions = [event for event in schedule.sessions if event.title.strip()]
    if not sessions or len(sessions) > MAX_SESSIONS:
        raise Unreadable(f"it has {len(sessions)} sessions")
    return [_build_entry(event, schedule, url) for event in sessions]


def page_path(url: str) -> str:
    """Return the part of a URL that is equal on every host with a copy of the page."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if _NUMBERED.search(parts.query) else ""
    return unquote(parts.path).rstrip("/") + query


def last_path_part(url: str) -> str:
    """Return the last part of a URL's path, minus ``.html``."""
    return page_path(url).rpartition("/")[2].removesuffix(".html")


def _build_entry(session: ScheduledSession, schedule: Schedule, url: str) -> ScheduleEntry:
    facts = session_facts(session, schedule, url)
    names = {session.slug, session.code, session.guid, *map(last_path_part, session.urls)}
    return ScheduleEntry(
        title=match_key(session.title),
        paths=tuple(path for each in session.urls if (path := page_path(each))),
        names=tuple(sorted(name for name in names if name and not name.isdecimal())),
        numbers=(session.id,) if session.id else (),
        start=facts.start,
        facts=msgspec.msgpack.encode(facts),
    )
