"""Match a page to a session of a schedule: by URL, slug or number, else by title."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

import msgspec

from services.processor.extract.facts import Facts
from services.processor.extract.html.document import match_key
from services.processor.schedule.read import ScheduleEntry, last_path_part, page_path

_facts = msgspec.msgpack.Decoder(Facts)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NOTHING = Facts()


class SessionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the session to find."""

    urls: tuple[str, ...]
    titles: tuple[str, ...]  # the page's title, and the job's
    day: str | None = None  # a weekday in English, or ISO 8601
    starttime: str | None = None  # hh:mm


class ScheduleIndex:
    """An index of one schedule's sessions."""

    def __init__(self, entries: Iterable[ScheduleEntry]) -> None:
        self._by_path: dict[str, list[ScheduleEntry]] = defaultdict(list)
        self._by_name: dict[str, list[ScheduleEntry]] = defaultdict(list)
        self._by_number: dict[str, list[ScheduleEntry]] = defaultdict(list)
        self._by_title: dict[str, list[ScheduleEntry]] = defaultdict(list)
        for entry in entries:
            self._by_title[entry.title].append(entry)
            for keys, index in (
                (entry.paths, self._by_path),
                (entry.names, self._by_name),
                (entry.numbers, self._by_number),
            ):
                for key in keys:
                    index[key].append(entry)

    def find(self, query: SessionQuery) -> Facts | None:
        """Return the facts of the matching session, if exactly one matches.

        Of several with one title, day and time decide; else the facts that all share are returned.
        """
        titles = {folded for title in query.titles if (folded := match_key(title))}
        ends = [last_path_part(url) for url in query.urls]
        by_number = (entry for end in ends for entry in self._by_number.get(end, ()))
        for candidates in (
            [entry for url in query.urls for entry in self._by_path.get(page_path(url), ())],
            [entry for end in ends for entry in self._by_name.get(end, ())],
            [entry for entry in by_number if entry.title in titles],  # numbers alone may collide
            [entry for title in titles for entry in self._by_title.get(title, ())],
        ):
            if entries := list({id(entry): entry for entry in candidates}.values()):
                return _pick(entries, query)
        return None


def _pick(entries: Sequence[ScheduleEntry], query: SessionQuery) -> Facts | None:
    for matches in (partial(_is_at, query.starttime), partial(_is_on, query.day)):
        fitting = [entry for entry in entries if matches(entry.start)]
        entries = fitting or entries  # the job's time may be wrong, or missing
    return _common_facts([_facts.decode(entry.facts) for entry in entries])


def _common_facts(facts: Sequence[Facts]) -> Facts | None:
    """Return the facts that all share; `None` if their titles differ."""
    first, *others = facts
    if any(match_key(other.title or "") != match_key(first.title or "") for other in others):
        return None
    names = (name for name in Facts.__struct_fields__ if name != "title")
    differing = {
        name for name in names if any(getattr(o, name) != getattr(first, name) for o in others)
    }
    return msgspec.structs.replace(first, **{name: getattr(_NOTHING, name) for name in differing})


def _is_at(starttime: str | None, start: str | None) -> bool:
    return bool(starttime and start) and f"T{starttime}" in (start or "")


def _is_on(day: str | None, start: str | None) -> bool:
    if not day or not start:
        return False
    weekday = _WEEKDAYS[datetime.fromisoformat(start).weekday()]
    return start.startswith(day) or weekday == day.strip().casefold()
