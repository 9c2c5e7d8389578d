"""Parameters of a job: which session to fetch, and facts known beforehand."""

from typing import Any

import msgspec


class Parameters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Parameters of a job. ``extra`` holds the ones that are unknown."""

    # Defaults are omitted in messages, which keeps them small; responses show every field.
    event: str
    session: str
    url: str
    filename: str
    track: str
    day: str | None = None
    starttime: str | None = None  # HH:MM
    endtime: str | None = None  # HH:MM
    speakers: list[str] = []
    video_url: str | None = None
    attachments_url: str | None = None
    source_language: str = "en"
    target_language: str = "de"
    use_cache: bool = True
    extra: dict[str, Any] = {}
