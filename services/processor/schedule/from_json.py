"""Read schedules in JSON, as frab, pretalx and c3voc write them (c3voc.de/schedule/schema.json)."""

import json
from collections.abc import Iterator
from typing import Any

from services.processor.schedule.scheduled_session import (
    Person,
    Reference,
    Schedule,
    ScheduledSession,
    Unreadable,
)

Json = dict[str, Any]


def read_json(content: bytes) -> Schedule:
    """Parse the schedule; malformed parts count as unknown.

    Raises:
        Unreadable: it is no schedule.
    """
    try:
        decoded = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON: {error}") from error
    schedule = _object(_object(decoded).get("schedule"))
    conference = _object(schedule.get("conference"))
    if not conference:
        raise Unreadable("it has no schedule.conference")
    by_room = [_parse_session(raw, day, room) for raw, day, room in _iterate_days(conference)]
    loose = [_parse_session(raw, "", "") for raw in _objects(schedule.get("events"))]
    return Schedule(
        title=_text(conference, "title"),
        timezone=_text(conference, "time_zone_name"),
        day_change=_text(conference, "day_change"),
        sessions=tuple(by_room + loose),
    )


def _iterate_days(conference: Json) -> Iterator[tuple[Json, str, str]]:
    for day in _objects(conference.get("days")):
        for room, events in _object(day.get("rooms")).items():
            for event in _objects(events):
                yield event, _text(day, "date"), room


def _parse_session(raw: Json, day: str, room: str) -> ScheduledSession:
    declined = raw.get("do_not_record")
    return ScheduledSession(
        title=_text(raw, "title", "name"),
        subtitle=_text(raw, "subtitle"),
        id=_text(raw, "id"),
        guid=_text(raw, "guid"),
        code=_text(raw, "code"),
        slug=_text(raw, "slug"),
        urls=tuple(url for name in ("url", "origin_url") if (url := _text(raw, name))),
        type=_text(raw, "type"),
        track=_text(raw, "track"),
        room=_text(raw, "room") or room,
        language=_text(raw, "language"),
        abstract=_text(raw, "abstract"),
        description=_text(raw, "description"),
        license=_text(raw, "recording_license", "license"),
        do_not_record=declined if isinstance(declined, bool) else None,
        date=_text(raw, "date"),
        day=day,
        start=_text(raw, "start"),
        duration=_text(raw, "duration"),
        persons=tuple(_parse_person(each) for each in _objects(raw.get("persons"))),
        attachments=tuple(_parse_reference(each) for each in _objects(raw.get("attachments"))),
        links=tuple(_parse_reference(each) for each in _objects(raw.get("links"))),
    )


def _parse_person(raw: Json) -> Person:
    return Person(
        name=_text(raw, "public_name", "name", "full_public_name"),
        url=_text(raw, "url"),
        biography=_text(raw, "biography", "abstract", "description"),
    )


def _parse_reference(raw: Json) -> Reference:
    return Reference(
        url=_text(raw, "url", "href"), title=_text(raw, "title"), type=_text(raw, "type")
    )


def _text(raw: Json, *names: str) -> str:
    """Return the first of these that is text or a number; of several languages, one."""
    for name in names:
        value = raw.get(name)
        if isinstance(value, dict):
            value = value.get("en") or value.get("name") or next(iter(value.values()), None)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return ""


def _object(value: Any) -> Json:  # noqa: ANN401 - any JSON
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> Iterator[Json]:  # noqa: ANN401 - the same
    return (
        (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())
    )
