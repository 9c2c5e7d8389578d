"""Dates and times in text, as far as they can mean one thing only.

A date is understood as ISO 8601, with its month by name (English, German), or with dots and a
year of four digits; 3/4/2030 is not, since it means two days. No offset is ever made up.
"""

import re
from datetime import date, datetime, time, timedelta
from itertools import chain, pairwise

import msgspec

_MONTHS = (
    ("january", "jan", "januar", "jänner"),
    ("february", "feb", "februar"),
    ("march", "mar", "märz", "mär"),
    ("april", "apr"),
    ("may", "mai"),
    ("june", "jun", "juni"),
    ("july", "jul", "juli"),
    ("august", "aug"),
    ("september", "sep", "sept"),
    ("october", "oct", "oktober", "okt"),
    ("november", "nov"),
    ("december", "dec", "dezember", "dez"),
)
_NUMBERS = {name: number for number, names in enumerate(_MONTHS, 1) for name in names}
_MONTH = f"(?P<month>{'|'.join(sorted(chain(*_MONTHS), key=len, reverse=True))})\\b\\.?"
_DAY = r"(?<!\d)(?P<day>\d{1,2})(?:st|nd|rd|th)?\b"
_YEAR = r"(?P<year>(?:19|20)\d\d)(?!\d)"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?<!\d){_YEAR}-(?P<month>\d\d)-(?P<day>\d\d)(?!\d)",
        rf"{_DAY}\.?\s+(?:of\s+)?{_MONTH},?\s+{_YEAR}",
        rf"\b{_MONTH}\s+{_DAY},?\s+{_YEAR}",
        rf"{_DAY}\.\s?(?P<month>\d{{1,2}})\.\s?{_YEAR}",
    )
)
_TIME = re.compile(
    r"(?<![\d:.+/])(?P<hour>\d{1,2})(?P<rest>[:.h]\d\d(?::\d\d)?)?(?![\d:/%])"
    r"\s?(?:(?P<half>[ap])\.?\s?m\b\.?|(?P<clock>uhr\b))?",
    re.IGNORECASE,
)
_TO = re.compile(r"\s*(?:-|\u2013|\u2014|\u2192|to|until|till|bis)\s*", re.IGNORECASE)
_OFFSET = re.compile(
    r"(?<=T\d\d:\d\d:\d\d)(?:Z|[+-]\d\d:?\d\d)|(?:UTC|GMT)\s?[+-]\s?\d{1,2}(?::?\d\d)?"
)
_WORDS = ((re.compile(r"\bnoon\b", re.IGNORECASE), "12 pm"),)
_DURATION = re.compile(
    r"(?:(?P<hours>\d{1,2})\s*(?:h|hours?|hrs?|std\.?|stunden?)\b)?[\s,]*"
    r"(?:(?P<minutes>\d{1,3})\s*(?:m|min|mins|minutes?|minuten)\b\.?)?|(?P<clock>\d{1,2}:\d\d)",
    re.IGNORECASE,
)
_MORNING = 11  # the last hour at which what began the day before may end
_NIGHT = 7  # an hour before it may be one of the afternoon, where nothing says which


class TimeSpan(msgspec.Struct, frozen=True):
    """A date and the times on it, as far as they are said."""

    day: date | None = None
    start: time | None = None
    end: time | None = None

    @property
    def whole(self) -> tuple[str | None, str | None]:
        """Start and end in ISO 8601 without offset, where the day is known."""
        return at(self.day, self.start, self.end)


def iso(value: str) -> str | None:
    """A moment that is written in ISO 8601, if it has a time."""
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return moment.isoformat() if ":" in value else None


def at(day: date | None, start: time | None, end: time | None) -> tuple[str | None, str | None]:
    """Start and end on ``day`` in ISO 8601, without offset; what ends at night ends a day later."""
    if day is None or start is None:
        return None, None
    first = f"{day}T{start}"
    over_night = end is not None and end < start
    if end is None or end == start or (over_night and end.hour > _MORNING):
        return first, None
    return first, f"{day + timedelta(days=over_night)}T{end}"


def span_in(text: str) -> TimeSpan:
    """The date that ``text`` names, if it is one, and the one or two times in it."""
    text = _OFFSET.sub(" ", text)
    for word, meant in _WORDS:
        text = word.sub(meant, text)
    days: set[date] = set()
    for pattern in _DATES:
        days.update(filter(None, map(_day, pattern.finditer(text))))
        text = pattern.sub("; ", text)
    start, end = _times(text)
    return TimeSpan(days.pop() if len(days) == 1 else None, start, end)


def duration_in(text: str) -> timedelta | None:
    """The length of time that ``text`` is: ``45 min``, ``1 h 30``, ``00:45``."""
    found = _DURATION.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        return None
    hours, _, minutes = (
        found["clock"] or f"{found['hours'] or 0}:{found['minutes'] or 0}"
    ).partition(":")
    return timedelta(hours=int(hours), minutes=int(minutes)) or None


def _day(found: re.Match[str]) -> date | None:
    month = found["month"].casefold()
    try:
        return date(int(found["year"]), _NUMBERS.get(month) or int(month), int(found["day"]))
    except ValueError:
        return None


def _times(text: str) -> tuple[time | None, time | None]:
    """The times, if they are one, or two of which the second follows as the end of the first."""
    found = list(_TIME.finditer(text))
    pairs = [(a, b) for a, b in pairwise(found) if _TO.fullmatch(text[a.end() : b.start()])]
    pairs = [(a, b) for a, b in pairs if _is_time(b) and (_is_time(a) or b["half"] or b["clock"])]
    single = [each for each in found if _is_time(each)]
    match pairs, single:
        case [(first, last)], _ if all(each in {first, last} for each in single):
            return _from_to(first, last)
        case [], [only]:
            return _time(only, only["half"]), None
        case _:
            return None, None


def _from_to(first: re.Match[str], last: re.Match[str]) -> tuple[time | None, time | None]:
    end = _time(last, last["half"])
    start = _time(first, first["half"] or last["half"], certain=bool(last["clock"]))
    if start and end and start >= end and not first["half"] and last["half"]:
        start = _time(first, "a")  # 11:00 to 1 pm
    return (start, end) if start and end else (None, None)


def _is_time(found: re.Match[str]) -> bool:
    """Whether a number is a time at all: a dot alone may be that of a version."""
    rest = found["rest"] or "."
    return bool(found["half"] or found["clock"] or not rest.startswith("."))


def _time(found: re.Match[str], half: str | None, *, certain: bool = False) -> time | None:
    hour, minute = int(found["hour"]), int((found["rest"] or ":00")[1:3])
    certain = certain or bool(found["clock"]) or found["hour"].startswith("0")
    if half:
        if not 1 <= hour <= 12:  # noqa: PLR2004 - of a clock
            return None
        hour = hour % 12 + (12 if half.casefold() == "p" else 0)
    elif hour < _NIGHT and not certain:
        return None
    try:
        return time(hour, minute)
    except ValueError:
        return None
