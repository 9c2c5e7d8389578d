"""Snapshots of a partition's groups as bytes, so that a fold reads only later events.

A snapshot is used only with the log and the code that made it; otherwise the whole log is folded.
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
from services.scheduler.memory import Entry, SpecLocation

_FOLD_MODULES = (base, events, event_codec, attempt, batch, job, memory)


class GroupSnapshot(msgspec.Struct, frozen=True, array_like=True):
    """A group with its sequences and spec locations."""

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
    host_of: list[int]  # for each job, the index of its host
    added_by: dict[str, AddedBy]
    commands: dict[str, int]
    last: dict[int | None, int]
    specs_at: list[SpecLocation]
    retired_completed: int | None


class PartitionSnapshot(msgspec.Struct, frozen=True, array_like=True):
    """A partition as of event ``position``."""

    version: str
    log: str
    position: int
    groups: list[GroupSnapshot]


def _version() -> str:
    """Return a hash of the code that folds: a change of it invalidates older snapshots."""
    own = [Path(__file__), *(Path(module.__file__ or "") for module in _FOLD_MODULES)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in own)).hexdigest()


VERSION = _version()
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(PartitionSnapshot)


def encode(entries: Iterable[Entry], log: str, position: int) -> bytes:
    """Encode a partition's groups, which reflect all events of ``log`` up to ``position``."""
    return _encoder.encode(
        PartitionSnapshot(VERSION, log, position, [_take_snapshot(entry) for entry in entries])
    )


def decode(data: bytes, log: str, last: int) -> PartitionSnapshot | None:
    """Decode a snapshot; None for another version or log, or a position beyond ``last``."""
    try:
        part = _decoder.decode(data)
    except UNREADABLE:
        return None
    is_ours = (part.version, part.log) == (VERSION, log) and part.position <= last
    return part if is_ours else None


def restore_entry(saved: GroupSnapshot) -> Entry:
    """Rebuild a group's entry from its snapshot."""
    entry = Entry(saved.id)
    group = entry.group
    group.existence, group.batch_id, group.owner = saved.existence, saved.batch_id, saved.owner
    group.access, group.request_hash = saved.access, saved.request_hash
    group.active, group.archived, group.outcome = saved.active, saved.archived, saved.outcome
    group.zip, group.jobs, group.retired_completed = saved.zip, saved.jobs, saved.retired_completed
    group.hosts = [saved.hosts[index] for index in saved.host_of]
    group.added_by, group.commands = saved.added_by, OrderedDict(saved.commands)
    # counts are derived, so they are not stored
    group.unfinished = sum(is_unfinished(state) for state in saved.jobs)
    group.failed = sum(isinstance(s, Ended) and s.status == "failed" for s in saved.jobs)
    group.present = sum(not isinstance(state, Deleted) for state in saved.jobs)
    entry.last, entry.specs_at = saved.last, saved.specs_at
    return entry


def _take_snapshot(entry: Entry) -> GroupSnapshot:
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
        specs_at=entry.specs_at,
        retired_completed=group.retired_completed,
    )
