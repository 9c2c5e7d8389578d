"""An event of a schedule as its file has it, whatever the file's format; "" is for unknown."""

import msgspec


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Someone who speaks."""

    name: str
    url: str = ""
    biography: str = ""


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A link or an attachment; ``type`` is what an attachment is."""

    url: str
    title: str = ""
    type: str = ""


class ScheduledSession(msgspec.Struct, frozen=True, kw_only=True):
    """One event. Texts may be HTML or Markdown."""

    title: str
    subtitle: str = ""
    id: str = ""
    guid: str = ""
    code: str = ""
    slug: str = ""
    urls: tuple[str, ...] = ()  # of its page
    type: str = ""
    track: str = ""
    room: str = ""
    language: str = ""
    abstract: str = ""
    description: str = ""
    license: str = ""
    do_not_record: bool | None = None
    date: str = ""  # ISO 8601 with a time
    day: str = ""  # ISO 8601; of the conference, which may end after midnight
    start: str = ""  # hh:mm
    duration: str = ""
    persons: tuple[Person, ...] = ()
    attachments: tuple[Reference, ...] = ()
    links: tuple[Reference, ...] = ()


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A whole conference."""

    title: str = ""
    timezone: str = ""  # IANA
    day_change: str = ""  # hh:mm: what begins earlier belongs to the day before
    events: tuple[ScheduledSession, ...] = ()


class Unreadable(Exception):
    """The file is no schedule that we know; the text says why."""
