"""Find labelled values: ``Room: Janson`` in lists, tables and under headings."""

import re
from collections.abc import Iterator
from itertools import groupby, islice

import msgspec
from selectolax.lexbor import LexborNode

from services.processor.extract.html.document import INLINE, clean, text_of
from services.processor.extract.html.nodes import HEADINGS, nodes_after, nodes_under

MAX_LABELS = 200  # more is a list of sessions, and each label costs time
VALUE_LIMIT = 200  # characters; a longer value is prose
_WORDS = {
    "speakers": (
        "speaker, speakers, speaker(s), presenter, presenters, presenter(s), presented by, "
        "speaker name, speakers name, instructor, instructors, panelist, panelists, referent, "
        "referentin, referenten, referentinnen, referent(in), referent*in, referent:in, "
        "referent/in, referent*innen, referent:innen, vortragende, vortragender, vortragende(r), "
        "vortragende:r, sprecher, sprecherin, sprecher(in), sprecher:in, sprecher*in, "
        "sprecher:innen, sprecher*innen, speakerin"
    ),
    "room": "room, rooms, raum, räume, saal, hall, stage, bühne",
    "place": "location, where, place, venue, ort, wo, veranstaltungsort",
    "track": "track, tracks, session track, conference track",
    "type": (
        "type, format, session type, talk type, session format, type of session, kind, typ, "
        "presentation type, event type, art, veranstaltungsart, vortragsart"
    ),
    "language": "language, session language, talk language, spoken language, sprache",
    "tags": "tags, tag(s), keywords, keyword(s), schlagworte, schlagwörter, stichworte",
    "when": (
        "when, wann, date and time, date & time, date/time, time and date, datum und uhrzeit, "
        "datum und zeit, datum/uhrzeit, scheduled, scheduled for, termin, zeitpunkt"
    ),
    "day": "day, date, datum, tag, wochentag",
    "time": "time, time slot, timeslot, slot, uhrzeit, zeit",
    "start": "start, starts, starts at, start time, begin, begins, beginn, anfang, startzeit",
    "end": "end, ends, ends at, end time, ende, endzeit, schluss",
    "duration": "duration, length, dauer, länge",
    "abstract": "abstract, zusammenfassung, kurzfassung",
    "text": "description, beschreibung, summary, about this session, about this talk",
}
_FIELDS = {word: field for field, words in _WORDS.items() for word in words.split(", ")}
_MAX_LABEL_LENGTH = max(map(len, _FIELDS)) + len(" (UTC+10:30)")
_IN_BRACKETS = re.compile(r"\s*\((?:[^)]{3,}|)\)")
_NO_LABEL = {"a", "li", "button", "option", "title", "h1", "code", "pre"}
_ICONS = {"i", "svg", "img", "-comment", "button"}
_MAX_ANCESTORS = 4  # elements around a label that contain only the label


class LabelValue(msgspec.Struct, frozen=True):
    """The value of a label: its nodes, and their text."""

    nodes: list[LexborNode]
    text: str


def find_labels(root: LexborNode) -> dict[str, LabelValue]:
    """Return for each field its first labelled value."""
    values: dict[str, LabelValue] = {}
    for field, node, text in islice(_iterate_labels(root), MAX_LABELS):
        if field not in values and (value := _read_value(node, text)) and value.text:
            values[field] = value
    return values


def field_for_label(label: str) -> str | None:
    """Return the field that a label names."""
    return _FIELDS.get(clean(label).casefold())


def _iterate_labels(root: LexborNode) -> Iterator[tuple[str, LexborNode, str]]:
    """Yield texts that begin with a label, with its field."""
    for node in root.traverse(include_text=True):
        text = node.text_content or "" if node.tag == "-text" else ""
        if len(text) < VALUE_LIMIT + _MAX_LABEL_LENGTH and (field := _leading_field(text)):
            yield field, node, text


def _leading_field(text: str) -> str | None:
    """Return the field of the label that ``text`` begins with."""
    word, _, _ = clean(text).partition(": ")
    if len(word) > _MAX_LABEL_LENGTH:  # cheaper than the look-ups below
        return None
    word = word.rstrip(": ").casefold()
    return _FIELDS.get(word) or _FIELDS.get(_IN_BRACKETS.sub("", word))


def _read_value(label: LexborNode, text: str) -> LabelValue | None:
    _, colon, rest = clean(text).partition(":")
    if rest.strip() and _is_first(label):
        nodes = list(_inline_after(label))
        return LabelValue(nodes, f"{rest.strip()} {text_of(*nodes)}".strip())
    if rest.strip():
        return None
    nodes = _value_nodes(label, has_colon=bool(colon))
    texts = (text_of(*group) for group in _lines(nodes))
    return LabelValue(nodes, ", ".join(filter(None, texts)).removeprefix(":").strip())


def _lines(nodes: list[LexborNode]) -> Iterator[list[LexborNode]]:
    """Group inline nodes into lines; each block is a line of its own."""
    for in_line, group in groupby(nodes, key=lambda node: node.tag in INLINE):
        line = list(group)
        yield from [line] if in_line else ([block] for block in line)


def _is_first(node: LexborNode) -> bool:
    """True if a node is the first content of its block."""
    if node.parent is None or node.parent.tag in _NO_LABEL - {"li"}:
        return False
    previous = node.prev
    while previous is not None and (previous.tag in _ICONS or _is_blank(previous)):
        previous = previous.prev
    return previous is None or previous.tag not in INLINE


def _value_nodes(label: LexborNode, *, has_colon: bool) -> list[LexborNode]:
    """Return the nodes after a label, or after the element that holds only the label."""
    node = label
    for _ in range(_MAX_ANCESTORS):
        parent = node.parent
        if node.tag in HEADINGS:
            return [each for each in nodes_under(node) if not _is_blank(each)]
        if node.tag in {"td", "th"}:
            return _cell_after(node)
        if node.tag == "dt":
            return list(_descriptions(node))
        following = [each for each in nodes_after(node) if not _is_blank(each)]
        if following:
            is_loose = node.tag == "-text" and not has_colon
            return [] if is_loose or not _is_first(node) else _first_group(following)
        if parent is None or (parent.tag in _NO_LABEL and not has_colon) or not _is_first(node):
            return []
        node = parent
    return []


def _first_group(following: list[LexborNode]) -> list[LexborNode]:
    """Return the first block, or the whole first line."""
    first = following[0]
    if first.tag not in INLINE:
        return [] if first.tag in HEADINGS or first.tag == "br" else [first]
    return [first, *_inline_after(first)]


def _inline_after(node: LexborNode) -> Iterator[LexborNode]:
    """Yield the rest of a line, up to a line break, a block or the next label."""
    for each in nodes_after(node):
        is_label = not _is_blank(each) and _leading_field(text_of(each)) is not None
        if each.tag not in INLINE or is_label:
            return
        yield each


def _cell_after(cell: LexborNode) -> list[LexborNode]:
    """Return the second cell of a row of two."""
    cells = [each for each in cell.parent.iter() if each.tag in {"td", "th"}] if cell.parent else []
    is_first = len(cells) == 2 and cells[0].mem_id == cell.mem_id  # noqa: PLR2004 - label, value
    return [cells[1]] if is_first and cells[1].tag == "td" else []


def _descriptions(term: LexborNode) -> Iterator[LexborNode]:
    for each in nodes_after(term):
        if each.tag == "dt":
            return
        if each.tag == "dd":
            yield each


def _is_blank(node: LexborNode) -> bool:
    if node.tag == "-text":
        return not (node.text_content or "").strip()
    return node.tag in _ICONS and not node.text().strip()
