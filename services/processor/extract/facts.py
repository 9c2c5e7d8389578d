"""What can be known of a session, and which rung of the cascade knew it."""

from typing import Literal

import msgspec

Kind = Literal["slides", "attachments", "images", "subtitles"]


class Speaker(msgspec.Struct, frozen=True, omit_defaults=True):
    """Someone who speaks."""

    name: str
    url: str | None = None
    bio: str | None = None


class Video(msgspec.Struct, frozen=True, omit_defaults=True):
    """A video, which is linked and never fetched."""

    url: str
    type: str | None = None
    role: Literal["recording", "live", "embed"] | None = None


class License(msgspec.Struct, frozen=True):
    """Under which terms the session may be used, and where that is said."""

    value: str
    source: str


class Link(msgspec.Struct, frozen=True):
    """A link to elsewhere."""

    title: str
    url: str


class FileLink(msgspec.Struct, frozen=True):
    """A file that belongs to the session; ``title`` is what it is called where it is linked."""

    kind: Kind
    url: str
    title: str
    source: str
    language: str | None = None  # of subtitles, BCP 47


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one rung knows; what it does not know is left as it is."""

    id: str | None = None
    title: str | None = None
    subtitle: str | None = None
    type: str | None = None  # talk, workshop, … as the source calls it
    url: str | None = None
    abstract: str | None = None  # plain text
    body: str | None = None  # the main text, as harmless Markdown
    speakers: tuple[Speaker, ...] = ()
    track: str | None = None
    room: str | None = None
    language: str | None = None  # BCP 47
    start: str | None = None  # ISO 8601
    end: str | None = None
    timezone: str | None = None  # IANA
    start_raw: str | None = None  # what is said of the start, where no date is
    end_raw: str | None = None
    tags: tuple[str, ...] = ()
    do_not_record: bool | None = None
    license: License | None = None
    videos: tuple[Video, ...] = ()
    files: tuple[FileLink, ...] = ()
    links: tuple[Link, ...] = ()
