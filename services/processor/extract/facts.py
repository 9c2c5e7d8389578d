"""The facts of a session, as each rung of the cascade returns them."""

from typing import Literal

import msgspec

Kind = Literal["slides", "attachments", "images", "subtitles"]


class Speaker(msgspec.Struct, frozen=True, omit_defaults=True):
    """A speaker."""

    name: str
    url: str | None = None
    bio: str | None = None


class Video(msgspec.Struct, frozen=True, omit_defaults=True):
    """A video; it is only linked."""

    url: str
    type: str | None = None
    role: Literal["recording", "live", "embed"] | None = None


class License(msgspec.Struct, frozen=True):
    """The terms of use, and where they are declared."""

    value: str
    source: str


class Link(msgspec.Struct, frozen=True):
    """A link to another page."""

    title: str
    url: str


class FileLink(msgspec.Struct, frozen=True):
    """A link to a file of the session; ``title`` is the link's text."""

    kind: Kind
    url: str
    title: str
    source: str
    language: str | None = None  # of subtitles, BCP 47


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The facts that one rung knows; unknown ones keep their defaults."""

    id: str | None = None
    title: str | None = None
    subtitle: str | None = None
    type: str | None = None  # talk, workshop, … as the source calls it
    url: str | None = None
    abstract: str | None = None  # plain text
    body: str | None = None  # the main text, as sanitised Markdown
    speakers: tuple[Speaker, ...] = ()
    track: str | None = None
    room: str | None = None
    language: str | None = None  # BCP 47
    start: str | None = None  # ISO 8601
    end: str | None = None
    timezone: str | None = None  # IANA
    start_raw: str | None = None  # the text about the start, if it has no date
    end_raw: str | None = None
    tags: tuple[str, ...] = ()
    do_not_record: bool | None = None
    license: License | None = None
    videos: tuple[Video, ...] = ()
    files: tuple[FileLink, ...] = ()
    links: tuple[Link, ...] = ()
