"""State of a group, folded from its events: a batch with its jobs, or a single job.

The fold changes the group in place, because a batch has up to 20,000 jobs. It is as pure as a
copy would be: the same events give the same group.
"""

import sys
from collections import OrderedDict
from datetime import datetime
from typing import Literal, assert_never

import msgspec

from eventjob.contracts.base import Access
from eventjob.contracts.events import (
    BatchArchived,
    BatchCompleted,
    BatchDeleted,
    BatchFiled,
    BatchPaused,
    BatchResumed,
    BatchSubmitted,
    BatchUnarchived,
    BatchZipBuilt,
    BatchZipFailed,
    BatchZipRequested,
    Event,
    GroupEvent,
    JobDeleted,
    JobsAdded,
    JobsFailed,
    JobsStarted,
    JobSubmitted,
)
from eventjob.domain import job
from eventjob.domain.job import UNFINISHED, Deleted, Ended, JobState

REMEMBERED_COMMANDS = 4096  # per group; a redelivery is at most one window of commands late


class AddedBy(msgspec.Struct, frozen=True):
    """The job that an Idempotency-Key added, and the hash of that request."""

    n: int
    request_hash: str | None


class ZipIdle(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """No ZIP is being built; ``attempt`` is the last attempt's number, 0 before the first.

    If that attempt failed, ``tried_at`` is when it began.
    """

    attempt: int
    tried_at: datetime | None = None


class ZipBuilding(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """An archiver is building the batch's ZIP."""

    attempt: int
    began: datetime
    deadline: datetime


ZipState = ZipIdle | ZipBuilding


class Group:
    """What the scheduler knows of a batch or of a single job."""

    def __init__(self, group: str) -> None:
        self.id = group
        self.existence: Literal["none", "here", "deleted"] = "none"
        self.batch_id: str | None = None
        self.owner: str | None = None
        self.access = Access()
        self.request_hash: str | None = None
        self.active = True
        self.archived = False
        self.outcome: Literal["completed", "failed"] | None = None  # as last announced
        self.zip: ZipState = ZipIdle(0)
        # Completed jobs of a retired batch: its jobs' events have left the log.
        self.retired_completed: int | None = None
        self.jobs: list[JobState] = []
        self.hosts: list[str] = []
        self.unfinished = 0
        self.failed = 0
        self.present = 0
        self.added_by: dict[str, AddedBy] = {}
        self.commands: OrderedDict[str, int] = OrderedDict()  # by id: the number of the added job

    @property
    def completed(self) -> int:
        """Number of jobs with a result."""
        if self.retired_completed is not None:
            return self.retired_completed
        return self.present - self.unfinished - self.failed

    def job(self, n: int) -> JobState | None:
        """Return the state of job ``n`` if the group has it."""
        return self.jobs[n - 1] if 1 <= n <= len(self.jobs) else None

    def host(self, n: int) -> str:
        """Return the host of job ``n``, "" for an unknown job."""
        return self.hosts[n - 1] if 1 <= n <= len(self.hosts) else ""

    def remember(self, command_id: str, number: int = 0) -> None:
        """Remember a command's id, and the ``number`` of the job that it added."""
        self.commands[command_id] = number
        if len(self.commands) > REMEMBERED_COMMANDS:
            self.commands.popitem(last=False)


def evolve(group: Group, n: int | None, event: Event) -> None:
    """Apply ``event`` to ``group``; a deleted group stays as it is."""
    if group.existence == "deleted":  # late reports must not revive a deleted group
        return
    if n is not None:
        state = group.job(n)
        if state is not None:
            _set_job(group, n, job.evolve(state, event))  # type: ignore[arg-type]  # has a number
    elif isinstance(event, JobDeleted):
        _clear(group)
    else:
        _evolve_group(group, event)  # type: ignore[arg-type]  # job events have a number


def _evolve_group(group: Group, event: GroupEvent) -> None:
    match event:
        case JobSubmitted():
            _create(group, event)
            _add(group, event.job.host)
        case BatchSubmitted():
            _create(group, event)
            group.batch_id = event.batch_id
        case JobsAdded():
            if event.key is not None:
                group.added_by[event.key] = AddedBy(event.first, event.request_hash)
            for spec in event.jobs:
                _add(group, spec.host)
        case JobsStarted():
            for start in event.starts:
                state = group.job(start.n)
                if state is not None:
                    _set_job(
                        group, start.n, job.evolve_started(state, start.attempt, event.deadline)
                    )
        case JobsFailed():
            for number in event.numbers:
                state = group.job(number)
                if state is not None:
                    _set_job(group, number, job.evolve_failed(state))
        case BatchPaused() | BatchResumed():
            group.active = isinstance(event, BatchResumed)
        case BatchArchived() | BatchUnarchived():
            group.archived = isinstance(event, BatchArchived)
        case BatchCompleted():
            group.outcome = event.status
        case BatchZipRequested() | BatchZipBuilt() | BatchZipFailed():
            group.zip = _evolve_zip(group.zip, event)
        case BatchDeleted():
            _clear(group)
        case BatchFiled():
            _retire(group, event)
        case _:
            assert_never(event)


def _evolve_zip(
    state: ZipState, event: BatchZipRequested | BatchZipBuilt | BatchZipFailed
) -> ZipState:
    match event:
        case BatchZipRequested():
            return ZipBuilding(event.attempt, event.at, event.deadline)
        case BatchZipBuilt():
            return ZipIdle(event.attempt)
        case BatchZipFailed():
            # The pause before a retry runs from the attempt's begin, so keep that.
            began = state.began if isinstance(state, ZipBuilding) else event.at
            return ZipIdle(event.attempt, began)


def _create(group: Group, event: JobSubmitted | BatchSubmitted) -> None:
    group.existence = "here"
    group.owner = event.owner
    group.access = event.access
    group.request_hash = event.request_hash


def _add(group: Group, host: str) -> None:
    group.jobs.append(job.SUBMITTED)
    group.hosts.append(sys.intern(host))  # a batch repeats few hosts thousands of times
    group.unfinished += 1
    group.present += 1
    group.outcome = None


def _set_job(group: Group, n: int, state: JobState) -> None:
    """Replace a job's state and update the counters."""
    before = group.jobs[n - 1]
    group.jobs[n - 1] = state
    is_open, was_open = is_unfinished(state), is_unfinished(before)
    group.unfinished += is_open - was_open
    group.failed += _is_failed(state) - _is_failed(before)
    group.present -= isinstance(state, Deleted) and not isinstance(before, Deleted)
    # Count transitions only: a purged log lacks the events of deleted jobs.
    if is_open and not was_open:
        group.outcome = None


def _clear(group: Group) -> None:
    group.existence = "deleted"
    group.jobs, group.hosts = [], []
    group.unfinished = group.failed = group.present = 0
    group.zip = ZipIdle(group.zip.attempt)
    group.retired_completed = None
    group.added_by.clear()


def _retire(group: Group, event: BatchFiled) -> None:
    """Apply a retirement; the result is the same with and without earlier events."""
    _clear(group)
    group.existence = "here"
    group.batch_id, group.owner, group.access = event.batch_id, event.owner, event.access
    group.request_hash = event.request_hash
    group.active, group.archived, group.outcome = True, True, None
    group.retired_completed = event.completed


def is_unfinished(state: JobState) -> bool:
    """Return True while the job's outcome is still to come."""
    return isinstance(state, UNFINISHED)


def _is_failed(state: JobState) -> bool:
    return isinstance(state, Ended) and state.status == "failed"
