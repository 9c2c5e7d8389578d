"""The sample conference's programme as jobs, and how each of them has to end."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin

import msgspec

from demo.serve import SITE

SCHEDULE = SITE / "2026" / "schedule.json"

FAILS = {
    "lightning-talks": "http_404",  # in the schedule, but the page is not there
    "live-buoy-map": "thin_content",  # a page that only JavaScript fills
}


class Planned(NamedTuple):
    """A job's parameters, and how it has to end."""

    parameters: dict[str, object]
    fails: str | None  # the error's code; None where it completes
    files: int  # that it brings at least


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


def programme(site_url: str, path: Path = SCHEDULE) -> tuple[str, list[Planned]]:
    """The conference's name, and all its sessions in the order in which they begin."""
    conference = msgspec.json.decode(path.read_bytes(), type=_File).schedule.conference
    sessions = sorted(_sessions(conference), key=lambda session: session.date)
    return conference.title, [_planned(conference, session, site_url) for session in sessions]


def _sessions(conference: _Conference) -> Iterator[_Session]:
    for day in conference.days:
        for sessions in day.rooms.values():
            yield from sessions


def _planned(conference: _Conference, session: _Session, site_url: str) -> Planned:
    def address(links: list[_Link]) -> str | None:
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
        "video_url": address(session.links),
        "attachments_url": address(session.attachments),
        "source_language": "en",
    }
    return Planned(parameters, FAILS.get(session.slug), 1 + len(session.attachments))
