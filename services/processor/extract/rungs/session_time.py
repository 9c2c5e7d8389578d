"""Find when a session takes place, on any page."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import msgspec
from selectolax.lexbor import LexborNode

from services.processor.extract.html.document import INLINE, attribute, text_of
from services.processor.extract.rungs.date_parsing import (
    TimeSpan,
    parse_duration,
    parse_span,
    to_iso,
)
from services.processor.extract.rungs.labels import VALUE_LIMIT, LabelValue

_PUBLISHED = re.compile(r"publi|updat|modif|posted|entry-date|created", re.IGNORECASE)
_MAX_DURATION = timedelta(hours=24)
MAX_LINES = 100  # with a date or a weekday; more is a whole programme
_FIELDS = ("when", "day", "time", "start", "end")
_MAX_LINE_LENGTH = 100  # characters
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
    """Start and end, or the raw text about them."""

    start: str | None = None
    end: str | None = None
    start_raw: str | None = None
    end_raw: str | None = None
    timezone: str | None = None


def find_time(root: LexborNode, labels: Mapping[str, LabelValue]) -> SessionTime:
    """Find the time by time elements, else labels, else a line with date and times."""
    labelled = _by_label(labels)
    nodes = [node for field in _FIELDS if field in labels for node in labels[field].nodes]
    for start, end in (
        _by_element(nodes),
        _by_element([root]),
        (labelled.start, labelled.end),
    ):
        if start:
            return SessionTime(start, end, timezone=labelled.timezone)
    if labelled.start_raw or any(field in labels for field in _FIELDS):
        return labelled  # a label without a date ("to be announced"): other lines would mislead
    start, end = _by_dated_line(root)
    return SessionTime(start, end, None if start else _weekday_line(root))


def _by_label(labels: Mapping[str, LabelValue]) -> SessionTime:
    text = {field: value.text for field, value in labels.items() if len(value.text) <= VALUE_LIMIT}
    when = text.get("when") or " ".join(text[field] for field in ("day", "time") if field in text)
    span = parse_span(when)
    first, last = parse_span(text.get("start", "")), parse_span(text.get("end", ""))
    day = first.day or span.day
    start, end = to_iso(day, first.start or span.start, last.start or span.end)
    if start and not end and (length := parse_duration(text.get("duration", ""))):
        end = (datetime.fromisoformat(start) + length).isoformat()
    day_text = text.get("day") or text.get("when") if "start" in text else when
    raw = " ".join(filter(None, (day_text, text.get("start"))))
    if not (start or _WEEKDAY.search(raw) or parse_span(raw) != TimeSpan()):
        return SessionTime()  # the word was no label here
    zone = _ZONE.search(" ".join(text.values()))
    return SessionTime(start, end, raw or None, text.get("end"), _zone(zone[0]) if zone else None)


def _by_element(nodes: list[LexborNode]) -> tuple[str | None, str | None]:
    """Return start and end if time elements name one or two moments; more are a programme."""
    times = [time for node in nodes if node.tag != "-text" for time in node.css("time[datetime]")]
    times += [node for node in nodes if node.tag == "time"]
    moments = sorted(set(_moments(times)), key=lambda moment: moment.replace(tzinfo=None))
    match moments:
        case [start]:
            return start.isoformat(), None
        case [start, end] if start.tzinfo == end.tzinfo and end - start <= _MAX_DURATION:
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


def _by_dated_line(root: LexborNode) -> tuple[str | None, str | None]:
    """Return the times of short lines with date and times, if all agree."""
    spans = {parse_span(_line_around(node)).iso for node in _matching_texts(root, _YEAR.search)}
    spans.discard((None, None))
    return spans.pop() if len(spans) == 1 else (None, None)


def _matching_texts(root: LexborNode, matches: Callable[[str], object]) -> Iterator[LexborNode]:
    texts = (node for node in root.traverse(include_text=True) if node.tag == "-text")
    matching = (node for node in texts if matches((node.text_content or "").strip()))
    return islice(matching, MAX_LINES)


def _line_around(node: LexborNode) -> str:
    """Return the block around a text; "" if it is prose, or about another date."""
    block = node.parent
    while block is not None and block.tag in INLINE:
        block = block.parent
    text = text_of(block) if block is not None else ""
    is_prose = len(text) > _MAX_LINE_LENGTH or text.endswith((".", "!", "?"))
    return "" if is_prose or _OTHER_DATE.search(text) else text


def _weekday_line(root: LexborNode) -> str | None:
    """Return the one short line that begins with a weekday and has a time."""
    lines = {_line_around(node) for node in _matching_texts(root, _WEEKDAY.match)}
    lines = {line for line in lines if _WEEKDAY.match(line) and parse_span(line).start}
    return lines.pop() if len(lines) == 1 else None


def _zone(name: str) -> str | None:
    try:
        return ZoneInfo(name).key
    except (ValueError, KeyError, OSError):
        return None
