"""Names on the bus, as they are stored, and who may use them."""

import typing

import msgspec
import pytest

from eventjob.bus import subjects
from eventjob.bus.buckets import hosts, http_cache
from eventjob.bus.streams import topology
from eventjob.bus.streams.permissions import PROVISION, USERS, format_authorization, may_create
from eventjob.bus.subjects import inbox_prefix, parse_reply
from eventjob.bus.wire import frames
from eventjob.contracts.commands import Command
from eventjob.contracts.events import Event
from eventjob.contracts.work import Report, Task


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


STREAMS = {"EVENTS", "CMD", "PARKED", "KV_http", "KV_leases", "OBJ_snapshots"}
DERIVED = {"TASKS", "REPORTS", "KV_hosts"}


def tags(union):
    return {kind.__struct_config__.tag for kind in typing.get_args(union)}


def test_every_user_has_an_inbox_that_no_other_user_s_begins_with():
    inboxes = [f"{inbox_prefix(user)}." for user in (None, *USERS)]
    assert len(set(inboxes)) == len(inboxes)
    assert inbox_prefix(None) == "_INBOX"


@pytest.mark.parametrize("user", USERS)
def test_streams_are_made_by_two_users(user):
    made = {stream for stream in STREAMS | DERIVED if may_create(user, stream)}
    wanted = {PROVISION: STREAMS | DERIVED, "scheduler": DERIVED}
    assert made == wanted.get(user, set())


@pytest.mark.parametrize("user", [None, "another"])
def test_without_these_users_everybody_makes_what_is_missing(user):
    assert all(may_create(user, stream) for stream in STREAMS | DERIVED)


def test_nothing_of_one_kind_can_be_taken_for_another():
    """Who may have the server answer somewhere else cannot make an event or a task a command."""
    kinds = [tags(Command), tags(Event), tags(Task)]
    assert sum(map(len, kinds)) == len(set.union(*kinds))
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"type":"JobsAdded"}', type=Report)


def test_the_configuration_names_each_user_with_its_own_inbox_and_password():
    text = format_authorization(lambda user: f"$PASSWORD_{user}")
    for user in USERS:
        assert f"user: {user}, password: $PASSWORD_{user}\n" in text
        assert text.count(f'"_INBOX_{user}.>"') == (2 if user in {"api", PROVISION} else 1)
    assert '">"' not in text


def test_an_inbox_is_answered_and_nothing_else_is():
    for inbox in ("_INBOX.abc", "_INBOX_api.a_b-C9.d"):
        assert parse_reply({"Ej-Reply": inbox}) == inbox
    others = (
        "",
        "rep.00",
        "ev.00.b-x",
        "_INBOX",
        "_INBOX.",
        "_INBOX.a b",
        "_INBOX.a\n",
        "_INBOX.>",
    )
    for other in (*others, "a._INBOX.b"):
        assert parse_reply({"Ej-Reply": other}) is None
