"""Names on the bus. They are stored: changing one is a migration.

A subject is computable from an id alone, so the log is read by literal subjects. One takes
0.65 ms; a wildcard takes 80 ms and more among a million messages.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from eventjob.contracts.announcements import WorkKind
from eventjob.domain.access import Caller
from eventjob.domain.ids import PARTITIONS, compute_partition

EVENTS = "EVENTS"
CMD = "CMD"
TASKS = "TASKS"
REPORTS = "REPORTS"
PARKED = "PARKED"
INBOX = "_INBOX"

HEADER_COMMAND = "Ej-Command"
HEADER_ACTOR = "Ej-Actor"
HEADER_RIGHT = "Ej-Right"
HEADER_REPLY = "Ej-Reply"
HEADER_VERSION = "Ej-Version"
HEADER_REASON = "Ej-Reason"
HEADER_DELIVERIES = "Ej-Deliveries"
_TRUSTED = "every-door"

_INBOX = re.compile(r"_INBOX[\w-]*(?:\.[\w-]+)+", re.ASCII)


def partition_token(number: int) -> str:
    """Return a partition as it appears in subjects: two digits."""
    return f"{number:02d}"


ALL_PARTITIONS = tuple(partition_token(number) for number in range(PARTITIONS))


def parse_partition(event_subject: str) -> str:
    """Return the partition token in an event's subject."""
    return event_subject[3:5]


def parse_reply(headers: Mapping[str, str]) -> str | None:
    """Return the inbox that waits for a command's reply; ignore anything but an inbox."""
    wanted = headers.get(HEADER_REPLY, "")
    return wanted if _INBOX.fullmatch(wanted) else None


def parse_actor(headers: Mapping[str, str]) -> str:
    """Return the user that a message's headers name, "" for an anonymous caller."""
    return unquote(headers.get(HEADER_ACTOR, ""))


@lru_cache(maxsize=65_536)
def token_of(group: str) -> str:
    """Return the partition token of a group."""
    return partition_token(compute_partition(group))


def event_subject(group: str, n: int | None = None) -> str:
    """Return the subject of a group's own events, or of its job ``n``."""
    subject = f"ev.{token_of(group)}.{group}"
    return subject if n is None else f"{subject}.{n}"


class EventAddress(NamedTuple):
    """What an event's subject encodes."""

    group: str
    n: int | None


def parse_event_subject(subject: str) -> EventAddress:
    """Parse a subject: the inverse of `event_subject`."""
    _, _, group, *rest = subject.split(".")
    return EventAddress(group, int(rest[0]) if rest else None)


def command_subject(token: str) -> str:
    """Return the subject of a partition's commands."""
    return f"cmd.{token}"


def report_subject(token: str) -> str:
    """Return the subject of a partition's reports."""
    return f"rep.{token}"


def task_subject(kind: WorkKind, group: str, n: int, attempt: int) -> str:
    """Return a task's own subject."""
    # With the attempt, since an unacked delivery of the last one blocks its subject.
    return f"task.{kind}.{token_of(group)}.{group}.{n}.{attempt}"


class TaskAddress(NamedTuple):
    """What a task's subject encodes."""

    kind: str
    group: str
    n: int
    attempt: int


def parse_task_subject(subject: str) -> TaskAddress:
    """Parse a subject: the inverse of `task_subject`."""
    _, kind, _, group, n, attempt = subject.split(".")
    return TaskAddress(kind, group, int(n), int(attempt))


def scheduler_durable(token: str) -> str:
    """Return the scheduler's consumer of a partition, on CMD and on REPORTS alike."""
    return f"scheduler-{token}"


def worker_durable(kind: WorkKind) -> str:
    """Return the consumer that all workers of one kind share."""
    return f"{kind}-workers"


def announcement_subject(kind: str) -> str:
    """Return the subject of announcements, on core NATS."""
    return f"say.{kind}"


def caller_headers(caller: Caller) -> dict[str, str]:
    """Return the headers that name the caller; `parse_caller` is the inverse."""
    headers = {HEADER_ACTOR: quote(caller.user or "", safe="")}
    if caller.trusted:
        headers[HEADER_RIGHT] = _TRUSTED  # apart from the name: no user's name can grant it
    return headers


def parse_caller(headers: Mapping[str, str]) -> Caller:
    """Return the caller that a command's headers name."""
    is_trusted = headers.get(HEADER_RIGHT) == _TRUSTED
    return Caller(parse_actor(headers) or None, trusted=is_trusted)


def inbox_prefix(user: str | None) -> str:
    """Return the prefix of a user's inboxes; the server lets only that user listen there."""
    return INBOX if user is None else f"{INBOX}_{user}"
