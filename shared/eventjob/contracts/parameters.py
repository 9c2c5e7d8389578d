"""A session as its job describes it: what to fetch, and what is known of it beforehand."""

from typing import Any

import msgspec


class Parameters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job's parameters. On the bus the unset ones are left out; clients see all of them.

    ``starttime`` and ``endtime`` are ``HH:MM``; ``extra`` holds what a client sent beyond these.
    """

    event: str
    session: str
    url: str
    filename: str
    track: str
    day: str | None = None
    starttime: str | None = None
    endtime: str | None = None
    speakers: list[str] = []
    video_url: str | None = None
    attachments_url: str | None = None
    source_language: str = "en"
    target_language: str = "de"
    use_cache: bool = True
    extra: dict[str, Any] = {}
