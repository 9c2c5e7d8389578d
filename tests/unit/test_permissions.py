"""The table of who may do what on the bus, and what it becomes in a server's configuration."""

import typing

import msgspec
import pytest

from eventjob.bus.streams.permissions import PROVISION, USERS, authorization, may_make
from eventjob.bus.subjects import inbox_prefix, reply_of
from eventjob.contracts.commands import Command
from eventjob.contracts.events import Event
from eventjob.contracts.work import Report, Task

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
    made = {stream for stream in STREAMS | DERIVED if may_make(user, stream)}
    wanted = {PROVISION: STREAMS | DERIVED, "scheduler": DERIVED}
    assert made == wanted.get(user, set())


@pytest.mark.parametrize("user", [None, "another"])
def test_without_these_users_everybody_makes_what_is_missing(user):
    assert all(may_make(user, stream) for stream in STREAMS | DERIVED)


def test_nothing_of_one_kind_can_be_taken_for_another():
    """Who may have the server answer somewhere else cannot make an event or a task a command."""
    kinds = [tags(Command), tags(Event), tags(Task)]
    assert sum(map(len, kinds)) == len(set.union(*kinds))
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"type":"JobsAdded"}', type=Report)


def test_the_configuration_names_each_user_with_its_own_inbox_and_password():
    text = authorization(lambda user: f"$PASSWORD_{user}")
    for user in USERS:
        assert f"user: {user}, password: $PASSWORD_{user}\n" in text
        assert text.count(f'"_INBOX_{user}.>"') == (2 if user in {"api", PROVISION} else 1)
    assert '">"' not in text


def test_an_inbox_is_answered_and_nothing_else_is():
    for inbox in ("_INBOX.abc", "_INBOX_api.a_b-C9.d"):
        assert reply_of({"Ej-Reply": inbox}) == inbox
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
        assert reply_of({"Ej-Reply": other}) is None
