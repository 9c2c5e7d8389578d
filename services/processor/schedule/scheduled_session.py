"""A schedule and its sessions as read, in any format; "" means unknown."""

import msgspec


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A speaker."""

    name: str
    url: str = ""
    biography: str = ""


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A link or an attachment; ``type`` is the kind of attachment."""

    url: str
    title: str = ""
    type: str = ""


class ScheduledSession(msgspec.Struct, frozen=True, kw_only=True):
    """One session; its texts may be HTML or Markdown."""

    title: str
    subtitle: str = ""
    id: str = ""
    guid: str = ""
    code: str = ""
    slug: str = ""
    urls: tuple[str, ...] = ()  # of the session's page
    type: str = ""
    track: str = ""
    room: str = ""
    language: str = ""
    abstract: str = ""
    description: str = ""
    license: str = ""
    do_not_record: bool | None = None
    date: str = ""  # ISO 8601 with a time
    day: str = ""  # ISO 8601; a conference day may end after midnight
    start: str = ""  # hh:mm
    duration: str = ""
    persons: tuple[Person, ...] = ()
    attachments: tuple[Reference, ...] = ()
    links: tuple[Reference, ...] = ()


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """The schedule of a conference."""

    title: str = ""
    timezone: str = ""  # IANA
    day_change: str = ""  # hh:mm; earlier starts belong to the day before
    sessions: tuple[ScheduledSession, ...] = ()


class Unreadable(Exception):
    """The file is in an unknown format; the text says why."""
