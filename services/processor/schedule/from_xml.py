"""Read schedules in XML, the format of pentabarf, frab, pretalx and FOSDEM."""

from xml.etree import ElementTree as ET

from services.processor.schedule.scheduled_session import (
    Person,
    Reference,
    Schedule,
    ScheduledSession,
    Unreadable,
)


class _RefuseDoctype(ET.TreeBuilder):
    """Builds a tree, and refuses document types: their entities could expand for ever."""

    def doctype(self, name: str, _public: str | None, _system: str | None) -> None:
        raise Unreadable(f"it declares a document type: {name[:40]}")


def read_xml(content: bytes) -> Schedule:
    """Parse the schedule.

    Raises:
        Unreadable: it is no schedule, or declares a document type.
    """
    try:
        root = ET.fromstring(content, ET.XMLParser(target=_RefuseDoctype()))  # noqa: S314 - no DTD
    except (ET.ParseError, ValueError, LookupError) as error:
        raise Unreadable(f"not well-formed: {error}") from error
    if root.tag != "schedule":
        raise Unreadable(f"it begins with <{root.tag[:40]}> instead of <schedule>")
    conference = _child(root, "conference")
    return Schedule(
        title=_text(conference, "title"),
        timezone=_text(conference, "time_zone_name"),
        day_change=_text(conference, "day_change"),
        sessions=tuple(
            _parse_session(event, day.get("date", ""), room.get("name", ""))
            for day in root.iterfind("day")
            for room in day.iterfind("room")
            for event in room.iterfind("event")
        ),
    )


def _parse_session(event: ET.Element, day: str, room: str) -> ScheduledSession:
    return ScheduledSession(
        title=_text(event, "title"),
        subtitle=_text(event, "subtitle"),
        id=event.get("id", ""),
        guid=event.get("guid", ""),
        code=event.get("code", ""),
        slug=_text(event, "slug"),
        urls=tuple(url for name in ("url", "origin_url") if (url := _text(event, name))),
        type=_text(event, "type"),
        track=_text(event, "track"),
        room=_text(event, "room") or room,
        language=_text(event, "language"),
        abstract=_text(event, "abstract"),
        description=_text(event, "description"),
        license=_text(_child(event, "recording"), "license"),
        do_not_record=_parse_bool(_text(_child(event, "recording"), "optout")),
        date=_text(event, "date"),
        day=day,
        start=_text(event, "start"),
        duration=_text(event, "duration"),
        persons=tuple(map(_parse_person, event.iterfind("persons/person"))),
        attachments=tuple(map(_parse_reference, event.iterfind("attachments/attachment"))),
        links=tuple(map(_parse_reference, event.iterfind("links/link"))),
    )


def _parse_person(person: ET.Element) -> Person:
    return Person(
        name="".join(person.itertext()) if not len(person) else _text(person, "name"),
        url=person.get("url", ""),
    )


def _parse_reference(element: ET.Element) -> Reference:
    return Reference(
        url=element.get("href", ""),
        title="".join(element.itertext()),
        type=element.get("type", ""),
    )


def _child(element: ET.Element, name: str) -> ET.Element:
    child = element.find(name)
    return ET.Element(name) if child is None else child


def _text(element: ET.Element, name: str) -> str:
    return "".join(_child(element, name).itertext()).strip()


def _parse_bool(word: str) -> bool | None:
    return {"true": True, "false": False}.get(word.casefold())
