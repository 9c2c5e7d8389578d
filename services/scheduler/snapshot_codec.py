"""A partition's groups as bytes: what was folded up to an event, so that only later ones are read.

A snapshot counts only for the very log and the very code that made it: with any other, the whole
log is folded, which gives the same.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from eventjob.bus.log import event_codec
from eventjob.contracts import base, events
from eventjob.contracts.base import UNREADABLE, Access
from eventjob.domain import attempt, batch, job
from eventjob.domain.batch import AddedBy, Group, ZipState, is_unfinished
from eventjob.domain.job import Deleted, Ended, JobState
from services.scheduler import memory
from services.scheduler.memory import Entry, JobsPlace

_FOLDERS = (base, events, event_codec, attempt, batch, job, memory)


class GroupSnapshot(msgspec.Struct, frozen=True, array_like=True):
    """A group, and what the memory knows of it besides."""

    id: str
    existence: Literal["none", "here", "deleted"]
    batch_id: str | None
    owner: str | None
    access: Access
    request_hash: str | None
    active: bool
    archived: bool
    outcome: Literal["completed", "failed"] | None
    zip: ZipState
    jobs: list[JobState]
    hosts: list[str]  # each once
    host_of: list[int]  # for each job, which of them
    added_by: dict[str, AddedBy]
    commands: dict[str, int]
    last: dict[int | None, int]
    places: list[JobsPlace]
    retired_completed: int | None


class PartitionSnapshot(msgspec.Struct, frozen=True, array_like=True):
    """A partition as of the event ``position``."""

    version: str
    log: str
    position: int
    groups: list[GroupSnapshot]


def _version() -> str:
    """The code that folds: whatever changes in it, older snapshots no longer count."""
    own = [Path(__file__), *(Path(module.__file__ or "") for module in _FOLDERS)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in own)).hexdigest()


VERSION = _version()
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(PartitionSnapshot)


def encode(entries: Iterable[Entry], log: str, position: int) -> bytes:
    """The groups of a partition, all of whose events up to ``position`` they reflect.

    Args:
        entries: of one partition.
        log: which log that is.
        position: a sequence in it.
    """
    return _encoder.encode(
        PartitionSnapshot(VERSION, log, position, [_kept(entry) for entry in entries])
    )


def decode(data: bytes, log: str, last: int) -> PartitionSnapshot | None:
    """The partition, or None for bytes that are of another version or log, or ahead of ``last``."""
    try:
        part = _decoder.decode(data)
    except UNREADABLE:
        return None
    is_ours = (part.version, part.log) == (VERSION, log) and part.position <= last
    return part if is_ours else None


def restored(kept: GroupSnapshot) -> Entry:
    """The group as it was."""
    entry = Entry(kept.id)
    group = entry.group
    group.existence, group.batch_id, group.owner = kept.existence, kept.batch_id, kept.owner
    group.access, group.request_hash = kept.access, kept.request_hash
    group.active, group.archived, group.outcome = kept.active, kept.archived, kept.outcome
    group.zip, group.jobs, group.retired_completed = kept.zip, kept.jobs, kept.retired_completed
    group.hosts = [kept.hosts[index] for index in kept.host_of]
    group.added_by, group.commands = kept.added_by, OrderedDict(kept.commands)
    group.unfinished = sum(is_unfinished(state) for state in kept.jobs)
    group.failed = sum(isinstance(s, Ended) and s.status == "failed" for s in kept.jobs)
    group.present = sum(not isinstance(state, Deleted) for state in kept.jobs)
    entry.last, entry.places = kept.last, kept.places
    return entry


def _kept(entry: Entry) -> GroupSnapshot:
    group: Group = entry.group
    numbers: dict[str, int] = {}
    host_of = [numbers.setdefault(host, len(numbers)) for host in group.hosts]
    return GroupSnapshot(
        id=group.id,
        existence=group.existence,
        batch_id=group.batch_id,
        owner=group.owner,
        access=group.access,
        request_hash=group.request_hash,
        active=group.active,
        archived=group.archived,
        outcome=group.outcome,
        zip=group.zip,
        jobs=group.jobs,
        hosts=list(numbers),
        host_of=host_of,
        added_by=group.added_by,
        commands=group.commands,
        last=entry.last,
        places=entry.places,
        retired_completed=group.retired_completed,
    )
