"""When, where and as what a session of pretalx takes place."""

import msgspec
from selectolax.lexbor import LexborNode

from services.processor.extract.html.document import attribute, text_of
from services.processor.extract.html.nodes import after
from services.processor.extract.rungs.date_parsing import iso, span_in
from services.processor.extract.rungs.languages import language_tag

_PLACES = ".talk-slots li, .talk-slot, .talk-title small"  # the first of several slots
_LANGUAGES = frozenset({"language", "sprache"})
_NOT_RECORDED = ("not be recorded", "not recorded", "nicht aufgezeichnet")
_NO_PLACE = {"div", "p", "em", "i"}


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside a session."""

    type: str | None
    track: str | None
    room: str | None
    language: str | None
    start: str | None
    end: str | None
    timezone: str | None
    do_not_record: bool | None


def read(root: LexborNode) -> Slot:
    """What the page says beside the session's text."""
    place = root.css_first(_PLACES)
    times = (place.css("time") if place else root.css("time[data-isodatetime]"))[:2]
    start, end = (*map(_moment, times), None, None)[:2]
    if place and not times:  # pretalx of 2018 wrote them into the text
        start, end = span_in(text_of(place)).whole
    track, kind = _track_and_type(root)
    return Slot(
        type=kind,
        track=track,
        room=_room(place) if place else None,
        language=_language(root),
        start=start,
        end=end,
        timezone=next(filter(None, map(_timezone, times)), None),
        do_not_record=_is_not_recorded(root) or None,
    )


def _moment(time: LexborNode) -> str | None:
    """A time with its offset, or as the page has it."""
    return iso(attribute(time, "data-isodatetime")) or iso(attribute(time, "datetime"))


def _timezone(time: LexborNode) -> str:
    return attribute(time, "date-timezone") or attribute(time, "data-timezone")


def _room(place: LexborNode) -> str | None:
    """What is named as the room, or what follows the time."""
    if named := place.css_first(".talk-slot-room"):
        return text_of(named) or None
    whole = place.css_first(".timerange-block") or next(reversed(place.css("time")), None)
    if whole is None:
        return dict(enumerate(text_of(place).split(", ", 2))).get(2)  # after date and time
    following = []
    for node in after(whole):
        if node.tag in _NO_PLACE or "fa-stack" in attribute(node, "class"):
            break
        following.append(node)
    return text_of(*following).strip(", ") or None


def _language(root: LexborNode) -> str | None:
    for label in root.css(".talk-title strong, .talk-fact strong"):
        if text_of(label).rstrip(": ").casefold() in _LANGUAGES:
            return language_tag(text_of(*after(label)).lstrip(": "))
    return None


def _track_and_type(root: LexborNode) -> tuple[str | None, str | None]:
    """Track and type, as far as the page tells them apart."""
    for fact in root.css(".talk-fact"):
        said = text_of(fact)
        if fact.css_first(".talk-track-swatch"):
            track, _, kind = said.rpartition(" · ") if " · " in said else (said, "", "")
            return track, kind or None
    named = root.css_first(".talk-track, .track-name")
    return (text_of(named) or None if named else None), None


def _is_not_recorded(root: LexborNode) -> bool:
    if root.css_first(".do-not-record"):
        return True
    notes = root.css(".talk-title em, .talk-content > em, .talk-fact")
    return any(said in text_of(note).casefold() for note in notes for said in _NOT_RECORDED)
