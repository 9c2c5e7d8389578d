"""Compute when a session takes place; UTC offsets come from the schedule alone."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.processor.schedule.scheduled_session import Schedule, ScheduledSession

_BRUSSELS = "Europe/Brussels"  # its older schedules leave it out
_FOSDEM = re.compile(r"FOSDEM\b")
_DURATION = re.compile(r"(?:(\d{1,2}):)?(\d{1,3}):(\d\d)")
_A_DAY = timedelta(days=1)


def schedule_timezone(schedule: Schedule) -> str | None:
    """Return the conference's IANA time zone, if known."""
    name = schedule.timezone or (_BRUSSELS if _FOSDEM.match(schedule.title) else "")
    try:
        return ZoneInfo(name).key if name else None
    except (KeyError, ValueError, OSError):
        return None


def session_span(session: ScheduledSession, schedule: Schedule) -> tuple[str | None, str | None]:
    """Return start and end in ISO 8601, as far as known."""
    start = _own_date(session) or _date_from_day(session, schedule)
    if start is None:
        return None, None
    zone = schedule_timezone(schedule)
    if start.tzinfo is None and zone:
        start = start.replace(tzinfo=ZoneInfo(zone))
    length = parse_duration(session.duration)
    return start.isoformat(), _add(start, length).isoformat() if length else None


def parse_duration(text: str) -> timedelta | None:
    """Parse a duration ``hh:mm``; of three numbers, only if they have one meaning."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        return None
    first, second, third = (int(number or 0) for number in match.groups())
    if match[1] is None:
        return timedelta(hours=second, minutes=third)
    if first == 0:  # 0:45:00 must be 45 minutes; 0:20:00 may also be 20 hours
        hours_first = timedelta(minutes=second, seconds=third)
        return hours_first if second >= _A_DAY // timedelta(hours=1) else None
    return None


def _add(start: datetime, length: timedelta) -> datetime:
    """Add elapsed time, correctly across a clock change."""
    if start.tzinfo is None:  # without a zone, clock changes are unknown
        return start + length
    return (start.astimezone(UTC) + length).astimezone(start.tzinfo)


def _own_date(session: ScheduledSession) -> datetime | None:
    if ":" not in session.date:
        return None
    try:
        return datetime.fromisoformat(session.date)
    except ValueError:
        return None


def _date_from_day(session: ScheduledSession, schedule: Schedule) -> datetime | None:
    """Compute the start from the conference day under which the session is listed."""
    try:
        day = datetime.fromisoformat(session.date or session.day).replace(tzinfo=None)
        at = time.fromisoformat(session.start)
        change = time.fromisoformat(schedule.day_change) if schedule.day_change else time()
    except ValueError:
        return None
    after_midnight = _A_DAY if at < change else timedelta()
    return datetime.combine(day.date(), at) + after_midnight
