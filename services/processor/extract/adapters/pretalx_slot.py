"""Time, room, track and type of a session of pretalx."""

import msgspec
from selectolax.lexbor import LexborNode

from services.processor.extract.html.document import attribute, text_of
from services.processor.extract.html.nodes import nodes_after
from services.processor.extract.rungs.date_parsing import parse_iso, parse_span
from services.processor.extract.rungs.languages import language_tag

_SLOTS = ".talk-slots li, .talk-slot, .talk-title small"  # the first of several slots
_LANGUAGES = frozenset({"language", "sprache"})
_OPT_OUT = ("not be recorded", "not recorded", "nicht aufgezeichnet")
_NEVER_ROOM = {"div", "p", "em", "i"}


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """The facts beside a session's text."""

    type: str | None
    track: str | None
    room: str | None
    language: str | None
    start: str | None
    end: str | None
    timezone: str | None
    do_not_record: bool | None


def read(root: LexborNode) -> Slot:
    """Read the facts beside the session's text."""
    slot = root.css_first(_SLOTS)
    times = (slot.css("time") if slot else root.css("time[data-isodatetime]"))[:2]
    start, end = (*map(_moment, times), None, None)[:2]
    if slot and not times:  # in 2018 they were plain text
        start, end = parse_span(text_of(slot)).iso
    track, kind = _track_and_type(root)
    return Slot(
        type=kind,
        track=track,
        room=_room(slot) if slot else None,
        language=_language(root),
        start=start,
        end=end,
        timezone=next(filter(None, map(_timezone, times)), None),
        do_not_record=_has_opted_out(root) or None,
    )


def _moment(time: LexborNode) -> str | None:
    """Return a time with its offset, or as the page has it."""
    return parse_iso(attribute(time, "data-isodatetime")) or parse_iso(attribute(time, "datetime"))


def _timezone(time: LexborNode) -> str:
    return attribute(time, "date-timezone") or attribute(time, "data-timezone")


def _room(slot: LexborNode) -> str | None:
    """Return the element named as the room, or what follows the time."""
    if room := slot.css_first(".talk-slot-room"):
        return text_of(room) or None
    time_block = slot.css_first(".timerange-block") or next(reversed(slot.css("time")), None)
    if time_block is None:
        return dict(enumerate(text_of(slot).split(", ", 2))).get(2)  # after date and time
    following = []
    for node in nodes_after(time_block):
        if node.tag in _NEVER_ROOM or "fa-stack" in attribute(node, "class"):
            break
        following.append(node)
    return text_of(*following).strip(", ") or None


def _language(root: LexborNode) -> str | None:
    for label in root.css(".talk-title strong, .talk-fact strong"):
        if text_of(label).rstrip(": ").casefold() in _LANGUAGES:
            return language_tag(text_of(*nodes_after(label)).lstrip(": "))
    return None


def _track_and_type(root: LexborNode) -> tuple[str | None, str | None]:
    """Return track and type, as far as the page separates them."""
    for fact in root.css(".talk-fact"):
        text = text_of(fact)
        if fact.css_first(".talk-track-swatch"):
            track, _, kind = text.rpartition(" · ") if " · " in text else (text, "", "")
            return track, kind or None
    track_node = root.css_first(".talk-track, .track-name")
    return (text_of(track_node) or None if track_node else None), None


def _has_opted_out(root: LexborNode) -> bool:
    if root.css_first(".do-not-record"):
        return True
    notes = root.css(".talk-title em, .talk-content > em, .talk-fact")
    return any(said in text_of(note).casefold() for note in notes for said in _OPT_OUT)
