"""Names on the bus, as they are stored: changing one is a migration, not a refactoring."""

import pytest

from eventjob.bus import subjects
from eventjob.bus.buckets import hosts, http_cache
from eventjob.bus.streams import topology
from eventjob.bus.wire import frames


def test_streams_and_their_subjects():
    streams = {stream.name: stream.subjects for stream in (*topology.LASTING, *topology.DERIVED)}
    assert streams == {
        "EVENTS": ["ev.>"],
        "CMD": ["cmd.*"],
        "PARKED": ["parked.>"],
        "TASKS": ["task.>"],
        "REPORTS": ["rep.*"],
    }
    assert (hosts.BUCKET, http_cache.BUCKET) == ("hosts", "http")
    assert (http_cache.STREAM.name, http_cache.STREAM.subjects) == ("KV_http", ["$KV.http.>"])


def test_subjects_durables_and_headers():
    assert subjects.event_subject("b-one") == "ev.00.b-one"
    assert subjects.event_subject("b-one", 7) == "ev.00.b-one.7"
    assert subjects.task_subject("fetch", "j-solo", 1, 2) == "task.fetch.07.j-solo.1.2"
    assert subjects.command_subject("03") == "cmd.03"
    assert subjects.report_subject("03") == "rep.03"
    assert subjects.scheduler_durable("03") == "scheduler-03"
    assert subjects.worker_durable("archive") == "archive-workers"
    assert subjects.announcement_subject("worker") == "say.worker"
    assert (subjects.HEADER_COMMAND, subjects.HEADER_ACTOR) == ("Ej-Command", "Ej-Actor")
    assert subjects.HEADER_RIGHT == "Ej-Right"
    assert (subjects.HEADER_REPLY, subjects.HEADER_VERSION) == ("Ej-Reply", "Ej-Version")
    assert (subjects.HEADER_REASON, subjects.HEADER_DELIVERIES) == ("Ej-Reason", "Ej-Deliveries")


def test_subjects_say_what_they_were_made_of():
    assert subjects.parse_event_subject("ev.00.b-one.7") == ("b-one", 7)
    assert subjects.parse_event_subject("ev.07.j-solo") == ("j-solo", None)
    address = subjects.parse_task_subject("task.fetch.07.j-solo.1.2")
    assert address == ("fetch", "j-solo", 1, 2)


def test_what_is_lasting_is_on_disk_and_refuses_rather_than_forgets():
    assert {s.storage.value for s in topology.LASTING} == {"file"}
    assert {s.storage.value for s in topology.DERIVED} == {"memory"}
    assert {s.discard.value for s in (*topology.LASTING, *topology.DERIVED)} == {"new"}


def test_a_header_cannot_break_out_of_its_line():
    with pytest.raises(ValueError, match="line break"):
        frames.encode_with_headers("ev.00.x", {"Ej-Actor": "ann\r\nNats-Batch-Commit: 1"}, b"{}")
