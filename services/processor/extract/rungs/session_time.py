"""When a session takes place, on a page that no adapter knows."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import msgspec
from selectolax.lexbor import LexborNode

from services.processor.extract.html.document import INLINE, attribute, text_of
from services.processor.extract.rungs.date_parsing import TimeSpan, at, duration_in, span_in
from services.processor.extract.rungs.labels import LONGEST_VALUE, LabelValue

_PUBLISHED = re.compile(r"publi|updat|modif|posted|entry-date|created", re.IGNORECASE)
_LONGEST_SESSION = timedelta(hours=24)
MOST_LINES = 100  # with a date or a weekday; more is a programme
_FIELDS = ("when", "day", "time", "start", "end")
_LONGEST_LINE = 100  # characters
_YEAR = re.compile(r"(?:19|20)\d\d")
_OTHER_DATE = re.compile(
    r"publi|updat|modif|posted|created|deadline|veröffentlicht|aktualisiert|©", re.IGNORECASE
)
_WEEKDAY = re.compile(
    r"\b(?:mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun|montag|dienstag|mittwoch|donnerstag|freitag"
    r"|samstag|sonnabend|sonntag|mo|di|mi|do|fr|sa|so)(?:day|nesday|sday|rsday|urday)?\b",
    re.IGNORECASE,
)
_ZONE = re.compile(
    r"\b(?:Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[A-Za-z_/]+"
)


class SessionTime(msgspec.Struct, frozen=True):
    """Start and end, and what is said where they are not known."""

    start: str | None = None
    end: str | None = None
    start_raw: str | None = None
    end_raw: str | None = None
    timezone: str | None = None


def when(root: LexborNode, said: Mapping[str, LabelValue]) -> SessionTime:
    """By time elements; else by labels; else by a line that has a date and its times."""
    labelled = _labelled(said)
    nodes = [node for field in _FIELDS if field in said for node in said[field].nodes]
    for start, end in (_marked(nodes), _marked([root]), (labelled.start, labelled.end)):
        if start:
            return SessionTime(start, end, timezone=labelled.timezone)
    if labelled.start_raw or any(field in said for field in _FIELDS):
        return labelled  # what is to be announced is found nowhere else
    start, end = _line(root)
    return SessionTime(start, end, None if start else _weekday_line(root))


def _labelled(said: Mapping[str, LabelValue]) -> SessionTime:
    text = {field: value.text for field, value in said.items() if len(value.text) <= LONGEST_VALUE}
    whole = text.get("when") or " ".join(text[field] for field in ("day", "time") if field in text)
    span = span_in(whole)
    first, last = span_in(text.get("start", "")), span_in(text.get("end", ""))
    day = first.day or span.day
    start, end = at(day, first.start or span.start, last.start or span.end)
    if start and not end and (length := duration_in(text.get("duration", ""))):
        end = (datetime.fromisoformat(start) + length).isoformat()
    day_said = text.get("day") or text.get("when") if "start" in text else whole
    raw = " ".join(filter(None, (day_said, text.get("start"))))
    if not (start or _WEEKDAY.search(raw) or span_in(raw) != TimeSpan()):
        return SessionTime()  # a word that is a label elsewhere
    zone = _ZONE.search(" ".join(text.values()))
    return SessionTime(start, end, raw or None, text.get("end"), _zone(zone[0]) if zone else None)


def _marked(nodes: list[LexborNode]) -> tuple[str | None, str | None]:
    """Start and end, if time elements name one moment or two; a list of many is not ours."""
    times = [time for node in nodes if node.tag != "-text" for time in node.css("time[datetime]")]
    times += [node for node in nodes if node.tag == "time"]
    moments = sorted(set(_moments(times)), key=lambda moment: moment.replace(tzinfo=None))
    match moments:
        case [start]:
            return start.isoformat(), None
        case [start, end] if start.tzinfo == end.tzinfo and end - start <= _LONGEST_SESSION:
            return start.isoformat(), end.isoformat()
        case _:
            return None, None


def _moments(times: list[LexborNode]) -> Iterator[datetime]:
    for node in times:
        about = " ".join(attribute(node, name) for name in ("class", "itemprop"))
        value = attribute(node, "datetime").strip()
        if "pubdate" in node.attributes or _PUBLISHED.search(about) or ":" not in value:
            continue
        try:
            yield datetime.fromisoformat(value)
        except ValueError:
            continue


def _line(root: LexborNode) -> tuple[str | None, str | None]:
    """What a short line says that has both a date and times, if all such lines say the same."""
    found = {span_in(_line_around(node)).whole for node in _texts(root, _YEAR.search)}
    found.discard((None, None))
    return found.pop() if len(found) == 1 else (None, None)


def _texts(root: LexborNode, is_meant: Callable[[str], object]) -> Iterator[LexborNode]:
    texts = (node for node in root.traverse(include_text=True) if node.tag == "-text")
    meant = (node for node in texts if is_meant((node.text_content or "").strip()))
    return islice(meant, MOST_LINES)


def _line_around(node: LexborNode) -> str:
    """The block that a text is in; "" where that is no short line, or is about another date."""
    block = node.parent
    while block is not None and block.tag in INLINE:
        block = block.parent
    text = text_of(block) if block is not None else ""
    is_prose = len(text) > _LONGEST_LINE or text.endswith((".", "!", "?"))
    return "" if is_prose or _OTHER_DATE.search(text) else text


def _weekday_line(root: LexborNode) -> str | None:
    """The one short line that begins with a day of the week and goes on with a time."""
    lines = {_line_around(node) for node in _texts(root, _WEEKDAY.match)}
    lines = {line for line in lines if _WEEKDAY.match(line) and span_in(line).start}
    return lines.pop() if len(lines) == 1 else None


def _zone(name: str) -> str | None:
    try:
        return ZoneInfo(name).key
    except (ValueError, KeyError, OSError):
        return None
