"""What can be known of a session, and which rung of the cascade knew it."""

from collections.abc import Mapping
from typing import Literal

import msgspec

Kind = Literal["slides", "attachments", "images"]


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


class Wanted(msgspec.Struct, frozen=True):
    """A file that belongs to the session; ``title`` is what it is called where it is linked."""

    kind: Kind
    url: str
    title: str
    source: str


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What one rung knows; what it does not know is left as it is."""

    title: str | None = None
    subtitle: str | None = None
    url: str | None = None
    abstract: str | None = None
    speakers: tuple[Speaker, ...] = ()
    track: str | None = None
    room: str | None = None
    language: str | None = None
    start: str | None = None  # ISO 8601
    end: str | None = None
    start_raw: str | None = None
    tags: tuple[str, ...] = ()
    videos: tuple[Video, ...] = ()
    license: License | None = None


def merged(rungs: Mapping[str, Facts]) -> tuple[Facts, dict[str, str]]:
    """All that is known, the first rung winning, and for each fact the name of its rung."""
    known: dict[str, object] = {}
    sources: dict[str, str] = {}
    for name, facts in rungs.items():
        for field in facts.__struct_fields__:
            value = getattr(facts, field)
            if value and field not in known:
                known[field] = value
                sources[field] = name
    return msgspec.structs.replace(Facts(), **known), sources
