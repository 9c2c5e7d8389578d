"""Schedules in XML: what pentabarf began, and frab, pretalx and FOSDEM go on writing."""

from xml.etree import ElementTree as ET

from services.processor.schedule.scheduled_session import (
    Person,
    Reference,
    Schedule,
    ScheduledSession,
    Unreadable,
)


class _WithoutEntities(ET.TreeBuilder):
    """Builds the tree of a document that is no larger than it looks."""

    def doctype(self, name: str, _public: str | None, _system: str | None) -> None:
        raise Unreadable(f"it declares a document type: {name[:40]}")


def read_xml(content: bytes) -> Schedule:
    """The schedule; one that declares entities of its own is refused.

    Raises:
        Unreadable: it is no schedule.
    """
    try:
        root = ET.fromstring(content, ET.XMLParser(target=_WithoutEntities()))  # noqa: S314 - see there
    except (ET.ParseError, ValueError, LookupError) as error:
        raise Unreadable(f"not well-formed: {error}") from error
    if root.tag != "schedule":
        raise Unreadable(f"it begins with <{root.tag[:40]}> instead of <schedule>")
    conference = _child(root, "conference")
    return Schedule(
        title=_text(conference, "title"),
        timezone=_text(conference, "time_zone_name"),
        day_change=_text(conference, "day_change"),
        events=tuple(
            _event(event, day.get("date", ""), room.get("name", ""))
            for day in root.iterfind("day")
            for room in day.iterfind("room")
            for event in room.iterfind("event")
        ),
    )


def _event(event: ET.Element, day: str, room: str) -> ScheduledSession:
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
        do_not_record=_said(_text(_child(event, "recording"), "optout")),
        date=_text(event, "date"),
        day=day,
        start=_text(event, "start"),
        duration=_text(event, "duration"),
        persons=tuple(_person(person) for person in event.iterfind("persons/person")),
        attachments=tuple(_reference(each) for each in event.iterfind("attachments/attachment")),
        links=tuple(_reference(each) for each in event.iterfind("links/link")),
    )


def _person(person: ET.Element) -> Person:
    return Person(
        name="".join(person.itertext()) if not len(person) else _text(person, "name"),
        url=person.get("url", ""),
    )


def _reference(element: ET.Element) -> Reference:
    return Reference(
        url=element.get("href", ""),
        title="".join(element.itertext()),
        type=element.get("type", ""),
    )


def _child(element: ET.Element, name: str) -> ET.Element:
    found = element.find(name)
    return ET.Element(name) if found is None else found


def _text(element: ET.Element, name: str) -> str:
    return "".join(_child(element, name).itertext()).strip()


def _said(word: str) -> bool | None:
    return {"true": True, "false": False}.get(word.casefold())
