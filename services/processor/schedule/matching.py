"""Which session of a schedule a page shows: by its address, else by its whole title."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

import msgspec

from services.processor.extract.facts import Facts
from services.processor.extract.html.document import alike
from services.processor.schedule.read import ScheduleEntry, name_of, path_of

_facts = msgspec.msgpack.Decoder(Facts)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NOTHING = Facts()


class SessionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a session that is looked for."""

    urls: tuple[str, ...]
    titles: tuple[str, ...]  # that of the page, and what its job calls it
    day: str | None = None  # a weekday in English, or ISO 8601
    starttime: str | None = None  # hh:mm


class ScheduleIndex:
    """The sessions of one schedule."""

    def __init__(self, entries: Iterable[ScheduleEntry]) -> None:
        self._by_path: dict[str, list[ScheduleEntry]] = defaultdict(list)
        self._by_name: dict[str, list[ScheduleEntry]] = defaultdict(list)
        self._by_number: dict[str, list[ScheduleEntry]] = defaultdict(list)
        self._by_title: dict[str, list[ScheduleEntry]] = defaultdict(list)
        for entry in entries:
            self._by_title[entry.title].append(entry)
            for keys, found in (
                (entry.paths, self._by_path),
                (entry.names, self._by_name),
                (entry.numbers, self._by_number),
            ):
                for key in keys:
                    found[key].append(entry)

    def find(self, wish: SessionQuery) -> Facts | None:
        """What the schedule says of the session; None where it is not clear which one it is.

        Of several with one title it is that at the job's day and time, else what all of them say.
        """
        titles = {folded for title in wish.titles if (folded := alike(title))}
        ends = [name_of(url) for url in wish.urls]
        numbered = (entry for end in ends for entry in self._by_number.get(end, ()))
        for found in (
            [entry for url in wish.urls for entry in self._by_path.get(path_of(url), ())],
            [entry for end in ends for entry in self._by_name.get(end, ())],
            [entry for entry in numbered if entry.title in titles],
            [entry for title in titles for entry in self._by_title.get(title, ())],
        ):
            if entries := list({id(entry): entry for entry in found}.values()):
                return _one(entries, wish)
        return None


def _one(entries: Sequence[ScheduleEntry], wish: SessionQuery) -> Facts | None:
    for is_it in (partial(_is_at, wish.starttime), partial(_is_on, wish.day)):
        fitting = [entry for entry in entries if is_it(entry.start)]
        entries = fitting or entries
    return _agreed([_facts.decode(entry.facts) for entry in entries])


def _agreed(facts: Sequence[Facts]) -> Facts | None:
    """What all of them say; None where they have not even their title in common."""
    first, *others = facts
    if any(alike(other.title or "") != alike(first.title or "") for other in others):
        return None
    names = (name for name in Facts.__struct_fields__ if name != "title")
    apart = {
        name for name in names if any(getattr(o, name) != getattr(first, name) for o in others)
    }
    return msgspec.structs.replace(first, **{name: getattr(_NOTHING, name) for name in apart})


def _is_at(starttime: str | None, start: str | None) -> bool:
    return bool(starttime and start) and f"T{starttime}" in (start or "")


def _is_on(day: str | None, start: str | None) -> bool:
    if not day or not start:
        return False
    weekday = _WEEKDAYS[datetime.fromisoformat(start).weekday()]
    return start.startswith(day) or weekday == day.strip().casefold()
