"""The sample conference's programme as jobs, and how each of them must end."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin

import msgspec

from demo.serve import SITE

SCHEDULE = SITE / "2026" / "schedule.json"

ERROR_CODES = {
    "lightning-talks": "http_404",  # in the schedule, but without a page
    "live-buoy-map": "thin_content",  # a page that only JavaScript fills
}


class PlannedJob(NamedTuple):
    """A job's parameters, and how it must end."""

    parameters: dict[str, object]
    error_code: str | None  # None if it completes
    files: int  # at least


class _Person(msgspec.Struct):
    public_name: str


class _Link(msgspec.Struct):
    url: str


class _Session(msgspec.Struct):
    slug: str
    url: str
    title: str
    track: str
    date: datetime
    duration: str  # HH:MM
    persons: list[_Person]
    links: list[_Link]
    attachments: list[_Link]


class _Day(msgspec.Struct):
    rooms: dict[str, list[_Session]]


class _Conference(msgspec.Struct):
    title: str
    days: list[_Day]


class _Schedule(msgspec.Struct):
    conference: _Conference


class _File(msgspec.Struct):
    schedule: _Schedule


def load_programme(site_url: str, path: Path = SCHEDULE) -> tuple[str, list[PlannedJob]]:
    """Return the conference's name and its sessions, ordered by start."""
    conference = msgspec.json.decode(path.read_bytes(), type=_File).schedule.conference
    sessions = sorted(_list_sessions(conference), key=lambda session: session.date)
    return conference.title, [_plan_job(conference, session, site_url) for session in sessions]


def _list_sessions(conference: _Conference) -> Iterator[_Session]:
    for day in conference.days:
        for sessions in day.rooms.values():
            yield from sessions


def _plan_job(conference: _Conference, session: _Session, site_url: str) -> PlannedJob:
    def first_url(links: list[_Link]) -> str | None:
        return urljoin(site_url, links[0].url) if links else None

    hours, minutes = session.duration.split(":")
    ends = session.date + timedelta(hours=int(hours), minutes=int(minutes))
    parameters: dict[str, object] = {
        "event": conference.title,
        "session": session.title,
        "url": urljoin(site_url, session.url),
        "filename": f"{session.slug}.md",
        "track": session.track,
        "day": f"{session.date:%A}",
        "starttime": f"{session.date:%H:%M}",
        "endtime": f"{ends:%H:%M}",
        "speakers": [person.public_name for person in session.persons],
        "video_url": first_url(session.links),
        "attachments_url": first_url(session.attachments),
        "source_language": "en",
    }
    return PlannedJob(parameters, ERROR_CODES.get(session.slug), 1 + len(session.attachments))
