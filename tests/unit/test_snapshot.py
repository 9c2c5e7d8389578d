"""Snapshots of a partition: which count, and that they give what a fold of all events gives.

`test_invariants` begins its schedulers with them, at any time of any story.
"""

import msgspec
import pytest
from recorded_events import Log
from tables import row, table

from eventjob.contracts.events import JobsStarted, Start
from eventjob.domain.ids import compute_partition
from services.scheduler.memory import Memory
from services.scheduler.snapshot_codec import PartitionSnapshot, decode, encode, restore_entry


@pytest.fixture
def log():
    log = Log()
    group = log.batch(250)
    log.submit("job-b")
    log.add(group, None, JobsStarted(starts=[Start(3, 1)], deadline=log.at, at=log.at))
    return log


def folded(records):
    memory = Memory()
    for record in records:
        memory.fold(record)
    return memory


def contents(memory):
    return {
        name: {**vars(entry), "group": vars(entry.group)} for name, entry in memory._entries.items()
    }


def begun_with(parts):
    memory = Memory()
    memory.restore([restore_entry(kept) for part in parts for kept in part.groups])
    return memory


@pytest.mark.parametrize("cut", range(7))
def test_a_snapshot_and_what_came_after_it_are_the_whole(log, cut):
    before, after = log.records[:cut], log.records[cut:]
    memory = folded(before)
    parts = [decode(encode(memory.in_partition(n), "log", cut), "log", cut) for n in range(16)]
    again = begun_with(parts)
    for record in after:
        again.fold(record)
    whole = folded(log.records)
    assert contents(again) == contents(whole)
    started = [memory.agenda.pick_starts(1000) for memory in (again, whole)]
    assert len(started[0]) == 250
    assert set(started[0]) == set(started[1])
    assert started[0][0].n == started[1][0].n == 1


def test_what_was_paused_stays_so(log):
    memory = folded(log.records)
    entry = memory.entry("b-x")
    entry.group.active = False
    data = encode([entry], "log", 9)
    assert begun_with([decode(data, "log", 9)]).agenda.pick_starts(1000) == []


@table(
    "changes, log_name, last",
    row("made by other code", {"version": "another"}, "log", 9),
    row("of another log", {}, "another", 9),
    row("ahead of the log", {}, "log", 8),
)
def test_a_snapshot_that_does_not_fit_is_ignored(log, changes, log_name, last):
    memory = folded(log.records)
    data = encode(memory.in_partition(compute_partition("b-x")), "log", 9)
    assert decode(data, "log", 9) is not None
    part = msgspec.structs.replace(msgspec.msgpack.decode(data, type=PartitionSnapshot), **changes)
    assert decode(msgspec.msgpack.encode(part), log_name, last) is None


def test_bytes_that_are_no_snapshot_are_ignored():
    assert decode(b"\x93", "log", 9) is None
    assert decode(b"", "log", 9) is None
