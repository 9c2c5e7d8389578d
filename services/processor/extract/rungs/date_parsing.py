"""Parse dates and times in text, only if they have one meaning.

Dates are ISO 8601, with the month's name (English, German), or dotted with a year of four
digits. 3/4/2030 is skipped: it means two days. UTC offsets are never made up.
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
_LATEST_END_HOUR = 11  # latest end of what began the day before
_EARLIEST_HOUR = 7  # an earlier hour may mean the afternoon


class TimeSpan(msgspec.Struct, frozen=True):
    """A date and the times on it, as far as known."""

    day: date | None = None
    start: time | None = None
    end: time | None = None

    @property
    def iso(self) -> tuple[str | None, str | None]:
        """Start and end as local times in ISO 8601, if the day is known."""
        return to_iso(self.day, self.start, self.end)


def parse_iso(value: str) -> str | None:
    """Normalise an ISO 8601 date with time."""
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return moment.isoformat() if ":" in value else None


def to_iso(day: date | None, start: time | None, end: time | None) -> tuple[str | None, str | None]:
    """Return start and end on ``day`` as local times in ISO 8601; a night ends a day later."""
    if day is None or start is None:
        return None, None
    first = f"{day}T{start}"
    is_overnight = end is not None and end < start
    if end is None or end == start or (is_overnight and end.hour > _LATEST_END_HOUR):
        return first, None
    return first, f"{day + timedelta(days=is_overnight)}T{end}"


def parse_span(text: str) -> TimeSpan:
    """Parse one date and one or two times in ``text``."""
    text = _OFFSET.sub(" ", text)  # else "+02:00" would be a time
    for word, replacement in _WORDS:
        text = word.sub(replacement, text)
    days: set[date] = set()
    for pattern in _DATES:
        days.update(filter(None, map(_parse_day, pattern.finditer(text))))
        text = pattern.sub("; ", text)
    start, end = _parse_times(text)
    return TimeSpan(days.pop() if len(days) == 1 else None, start, end)  # two days: neither


def parse_duration(text: str) -> timedelta | None:
    """Parse ``45 min``, ``1 h 30``, ``00:45``."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        return None
    hours, _, minutes = (
        match["clock"] or f"{match['hours'] or 0}:{match['minutes'] or 0}"
    ).partition(":")
    return timedelta(hours=int(hours), minutes=int(minutes)) or None


def _parse_day(match: re.Match[str]) -> date | None:
    month = match["month"].casefold()
    try:
        return date(int(match["year"]), _NUMBERS.get(month) or int(month), int(match["day"]))
    except ValueError:
        return None


def _parse_times(text: str) -> tuple[time | None, time | None]:
    """Return one time, or two that are joined as start and end."""
    matches = list(_TIME.finditer(text))
    pairs = [(a, b) for a, b in pairwise(matches) if _TO.fullmatch(text[a.end() : b.start()])]
    pairs = [(a, b) for a, b in pairs if _is_time(b) and (_is_time(a) or b["half"] or b["clock"])]
    single = [each for each in matches if _is_time(each)]
    match pairs, single:
        case [(first, last)], _ if all(each in {first, last} for each in single):
            return _time_range(first, last)
        case [], [only]:
            return _parse_time(only, only["half"]), None
        case _:
            return None, None


def _time_range(first: re.Match[str], last: re.Match[str]) -> tuple[time | None, time | None]:
    end = _parse_time(last, last["half"])
    start = _parse_time(first, first["half"] or last["half"], is_certain=bool(last["clock"]))
    if start and end and start >= end and not first["half"] and last["half"]:
        start = _parse_time(first, "a")  # "11:00 to 1 pm" starts in the morning
    return (start, end) if start and end else (None, None)


def _is_time(match: re.Match[str]) -> bool:
    """True if a number is a time; "2.10" with a dot alone may be a version."""
    rest = match["rest"] or "."
    return bool(match["half"] or match["clock"] or not rest.startswith("."))


def _parse_time(match: re.Match[str], half: str | None, *, is_certain: bool = False) -> time | None:
    hour, minute = int(match["hour"]), int((match["rest"] or ":00")[1:3])
    is_certain = is_certain or bool(match["clock"]) or match["hour"].startswith("0")
    if half:
        if not 1 <= hour <= 12:  # noqa: PLR2004 - of a clock
            return None
        hour = hour % 12 + (12 if half.casefold() == "p" else 0)
    elif hour < _EARLIEST_HOUR and not is_certain:
        return None
    try:
        return time(hour, minute)
    except ValueError:
        return None
