"""What a page labels: ``Room: Janson`` in a list, a table, a definition list, under a heading."""

import re
from collections.abc import Iterator
from itertools import groupby, islice

import msgspec
from selectolax.lexbor import LexborNode

from services.processor.extract.html.document import INLINE, clean, text_of
from services.processor.extract.html.nodes import HEADINGS, after, section

MOST_LABELS = 200  # more is no session, and each costs a look at what follows
LONGEST_VALUE = 200  # characters; more is a text and no fact
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
_LONGEST_LABEL = max(map(len, _FIELDS)) + len(" (UTC+10:30)")
_IN_BRACKETS = re.compile(r"\s*\((?:[^)]{3,}|)\)")
_NO_LABEL = {"a", "li", "button", "option", "title", "h1", "code", "pre"}
_ICONS = {"i", "svg", "img", "-comment", "button"}
_HIGHEST = 4  # elements around a label that hold nothing else


class LabelValue(msgspec.Struct, frozen=True):
    """What follows a label: its elements, and their text."""

    nodes: list[LexborNode]
    text: str


def labelled(root: LexborNode) -> dict[str, LabelValue]:
    """For each field the first value that is labelled with one of its words."""
    found: dict[str, LabelValue] = {}
    for field, node, text in islice(_labels(root), MOST_LABELS):
        if field not in found and (said := _said(node, text)) and said.text:
            found[field] = said
    return found


def field_of(label: str) -> str | None:
    """The field that a word stands for."""
    return _FIELDS.get(clean(label).casefold())


def _labels(root: LexborNode) -> Iterator[tuple[str, LexborNode, str]]:
    """Texts that begin with a word of a field, with that field."""
    for node in root.traverse(include_text=True):
        text = node.text_content or "" if node.tag == "-text" else ""
        if len(text) < LONGEST_VALUE + _LONGEST_LABEL and (field := _field(text)):
            yield field, node, text


def _field(text: str) -> str | None:
    """The field that a text begins to speak of."""
    word, _, _ = clean(text).partition(": ")
    if len(word) > _LONGEST_LABEL:
        return None
    word = word.rstrip(": ").casefold()
    return _FIELDS.get(word) or _FIELDS.get(_IN_BRACKETS.sub("", word))


def _said(label: LexborNode, text: str) -> LabelValue | None:
    _, colon, rest = clean(text).partition(":")
    if rest.strip() and _begins(label):
        nodes = list(_inline_after(label))
        return LabelValue(nodes, f"{rest.strip()} {text_of(*nodes)}".strip())
    if rest.strip():
        return None
    nodes = _value_of(label, has_colon=bool(colon))
    texts = (text_of(*group) for group in _lines(nodes))
    return LabelValue(nodes, ", ".join(filter(None, texts)).removeprefix(":").strip())


def _lines(nodes: list[LexborNode]) -> Iterator[list[LexborNode]]:
    """A line of what is within lines, and each block by itself."""
    for in_line, group in groupby(nodes, key=lambda node: node.tag in INLINE):
        together = list(group)
        yield from [together] if in_line else ([block] for block in together)


def _begins(node: LexborNode) -> bool:
    """Whether a text is the first in its block."""
    if node.parent is None or node.parent.tag in _NO_LABEL - {"li"}:
        return False
    previous = node.prev
    while previous is not None and (previous.tag in _ICONS or _is_blank(previous)):
        previous = previous.prev
    return previous is None or previous.tag not in INLINE


def _value_of(label: LexborNode, *, has_colon: bool) -> list[LexborNode]:
    """The elements that a label is about: those after it, or after what holds it alone."""
    node = label
    for _ in range(_HIGHEST):
        parent = node.parent
        if node.tag in HEADINGS:
            return [each for each in section(node) if not _is_blank(each)]
        if node.tag in {"td", "th"}:
            return _cell_after(node)
        if node.tag == "dt":
            return list(_descriptions(node))
        following = [each for each in after(node) if not _is_blank(each)]
        if following:
            is_loose = node.tag == "-text" and not has_colon
            return [] if is_loose or not _begins(node) else _first_of(following)
        if parent is None or (parent.tag in _NO_LABEL and not has_colon) or not _begins(node):
            return []
        node = parent
    return []


def _first_of(following: list[LexborNode]) -> list[LexborNode]:
    """A block, or all of a line."""
    first = following[0]
    if first.tag not in INLINE:
        return [] if first.tag in HEADINGS or first.tag == "br" else [first]
    return [first, *_inline_after(first)]


def _inline_after(node: LexborNode) -> Iterator[LexborNode]:
    """The rest of a line: until a line break, a block, or the next label."""
    for each in after(node):
        is_label = not _is_blank(each) and _field(text_of(each)) is not None
        if each.tag not in INLINE or is_label:
            return
        yield each


def _cell_after(cell: LexborNode) -> list[LexborNode]:
    """The second cell of a row of two."""
    cells = [each for each in cell.parent.iter() if each.tag in {"td", "th"}] if cell.parent else []
    is_first = len(cells) == 2 and cells[0].mem_id == cell.mem_id  # noqa: PLR2004 - label, value
    return [cells[1]] if is_first and cells[1].tag == "td" else []


def _descriptions(term: LexborNode) -> Iterator[LexborNode]:
    for each in after(term):
        if each.tag == "dt":
            return
        if each.tag == "dd":
            yield each


def _is_blank(node: LexborNode) -> bool:
    if node.tag == "-text":
        return not (node.text_content or "").strip()
    return node.tag in _ICONS and not node.text().strip()
