"""A schedule's file, read into entries that a session can be looked up among."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from services.processor.extract.html.document import alike
from services.processor.schedule.facts import facts_of
from services.processor.schedule.from_json import read_json
from services.processor.schedule.from_xml import read_xml
from services.processor.schedule.scheduled_session import Schedule, ScheduledSession, Unreadable

MOST_EVENTS = 20_000
_NUMBERED = re.compile(r"\d")  # a query may say which session, or only in which language


def name_of(url: str) -> str:
    """The last part of a page's address, without its ending."""
    return path_of(url).rpartition("/")[2].removesuffix(".html")


class ScheduleEntry(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A session of a schedule, its `services.processor.extract.facts.Facts` in MessagePack."""

    title: str
    paths: tuple[str, ...]  # of its page
    names: tuple[str, ...]  # by which addresses of its page may end
    numbers: tuple[str, ...]  # the same, but another numbering may have them, too
    start: str | None
    facts: bytes


def read_schedule(path: Path, url: str) -> list[ScheduleEntry]:
    """The entries of the schedule in ``path``, which came from ``url``.

    Raises:
        Unreadable: it is none.
    """
    content = path.read_bytes().lstrip(b"\xef\xbb\xbf \t\r\n")
    schedule = read_json(content) if content.startswith(b"{") else read_xml(content)
    events = [event for event in schedule.events if event.title.strip()]
    if not events or len(events) > MOST_EVENTS:
        raise Unreadable(f"it has {len(events)} sessions")
    return [_entry(event, schedule, url) for event in events]


def path_of(url: str) -> str:
    """Equal for addresses of one page, on whatever host a copy of it is."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if _NUMBERED.search(parts.query) else ""
    return unquote(parts.path).rstrip("/") + query


def _entry(event: ScheduledSession, schedule: Schedule, url: str) -> ScheduleEntry:
    facts = facts_of(event, schedule, url)
    names = {event.slug, event.code, event.guid, *map(name_of, event.urls)}
    return ScheduleEntry(
        title=alike(event.title),
        paths=tuple(path for each in event.urls if (path := path_of(each))),
        names=tuple(sorted(name for name in names if name and not name.isdecimal())),
        numbers=(event.id,) if event.id else (),
        start=facts.start,
        facts=msgspec.msgpack.encode(facts),
    )
