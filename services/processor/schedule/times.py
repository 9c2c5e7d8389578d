"""When an event is: with an offset where the schedule tells it, and never with a guessed one."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.processor.schedule.scheduled_session import Schedule, ScheduledSession

_BRUSSELS = "Europe/Brussels"  # where FOSDEM is; its older schedules do not say
_FOSDEM = re.compile(r"FOSDEM\b")
_DURATION = re.compile(r"(?:(\d{1,2}):)?(\d{1,3}):(\d\d)")
_A_DAY = timedelta(days=1)


def timezone_of(schedule: Schedule) -> str | None:
    """Where the conference is, by its IANA name."""
    name = schedule.timezone or (_BRUSSELS if _FOSDEM.match(schedule.title) else "")
    try:
        return ZoneInfo(name).key if name else None
    except (KeyError, ValueError, OSError):
        return None


def span_of(event: ScheduledSession, schedule: Schedule) -> tuple[str | None, str | None]:
    """Start and end in ISO 8601, as far as they are known."""
    start = _dated(event) or _on_its_day(event, schedule)
    if start is None:
        return None, None
    zone = timezone_of(schedule)
    if start.tzinfo is None and zone:
        start = start.replace(tzinfo=ZoneInfo(zone))
    length = duration_of(event.duration)
    return start.isoformat(), _after(start, length).isoformat() if length else None


def duration_of(text: str) -> timedelta | None:
    """A length as schedules write it: ``hh:mm``; three numbers only where they mean one thing."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        return None
    first, second, third = (int(number or 0) for number in found.groups())
    if found[1] is None:
        return timedelta(hours=second, minutes=third)
    if first == 0:  # no days, or no hours: more than 23 hours are none without a day
        hours_first = timedelta(minutes=second, seconds=third)
        return hours_first if second >= _A_DAY // timedelta(hours=1) else None
    return None


def _after(start: datetime, length: timedelta) -> datetime:
    """So much later, also in a night in which clocks are changed."""
    if start.tzinfo is None:
        return start + length
    return (start.astimezone(UTC) + length).astimezone(start.tzinfo)


def _dated(event: ScheduledSession) -> datetime | None:
    if ":" not in event.date:
        return None
    try:
        return datetime.fromisoformat(event.date)
    except ValueError:
        return None


def _on_its_day(event: ScheduledSession, schedule: Schedule) -> datetime | None:
    """The start by the day of the conference that it is listed under."""
    try:
        day = datetime.fromisoformat(event.date or event.day).replace(tzinfo=None)
        at = time.fromisoformat(event.start)
        change = time.fromisoformat(schedule.day_change) if schedule.day_change else time()
    except ValueError:
        return None
    after_midnight = _A_DAY if at < change else timedelta()
    return datetime.combine(day.date(), at) + after_midnight
