"""Every session of every real schedule is read, and found by the address of its page alone."""

from collections import Counter
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from services.processor.extract.facts import Facts
from services.processor.schedule.matching import ScheduleIndex, SessionQuery
from services.processor.schedule.read import read_schedule

SCHEDULES = Path(__file__).parents[3] / "shared/corpus/schedules"
COUNTS = {
    "38c3.xml": 1007,
    "fosdem-2020.xml": 872,
    "fosdem-2023.xml": 780,
    "fosdem-2025.xml": 943,
    "fosdem-2026.xml": 883,
    "frab-camp2019.json": 79,
    "pretalx-democon.json": 36,
    "pretalx-rc3.json": 48,
    "pretalx.json": 36,
    "pretalx.xml": 36,
    "voctoweb.xml": 123,
}

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not SCHEDULES.exists(), reason="the corpus is not on this machine"),
]


@pytest.mark.parametrize("name", COUNTS)
def test_every_session_is_read_and_found(name):
    entries = read_schedule(SCHEDULES / name, "https://conf.example/schedule")
    assert len(entries) == COUNTS[name]
    index, pages = ScheduleIndex(entries), Counter(map(page, entries))
    for entry in entries:
        facts = msgspec.msgpack.decode(entry.facts, type=Facts)
        assert datetime.fromisoformat(facts.start) < datetime.fromisoformat(facts.end)
        if pages[page(entry)] == 1:
            assert index.find(SessionQuery(urls=(page(entry),), titles=())) == facts


def page(entry):
    """Where a mirror has the session's page: under its own path, or under its name."""
    path = entry.paths[0] if entry.paths else f"/2020/schedule/event/{entry.names[-1]}/"
    return f"https://mirror.example{path}"
