"""Decide which events a command causes in its group, or why it is refused."""

from datetime import datetime
from typing import Literal, assert_never

import msgspec

from eventjob.contracts.base import JobError
from eventjob.contracts.commands import (
    AddJob,
    BuildBatchZip,
    DeleteBatch,
    DeleteJob,
    FileBatch,
    GroupCommand,
    RestartJob,
    SetBatchActive,
    SetBatchArchived,
    SubmitBatch,
    SubmitJob,
)
from eventjob.contracts.events import (
    BatchArchived,
    BatchCompleted,
    BatchDeleted,
    BatchPaused,
    BatchResumed,
    BatchSubmitted,
    BatchUnarchived,
    Event,
    JobsAdded,
    JobsFailed,
    JobSubmitted,
)
from eventjob.domain import batch_zip, job, retire
from eventjob.domain.access import Caller, may_change
from eventjob.domain.batch import Group, is_unfinished
from eventjob.domain.chunks import split_jobs
from eventjob.domain.errors import Refused
from eventjob.domain.ids import is_batch, parse_job_id
from eventjob.domain.retire import check_not_retired
from eventjob.domain.retry import Policy

KEY_MISMATCH = "this Idempotency-Key was already used with a different body"
MAX_JOBS = 999_999  # per batch: six digits of a job's id


class Draft(msgspec.Struct, frozen=True):
    """An event to append on the subject of job ``n``, or on the group's own."""

    group: str
    n: int | None
    event: Event


class Context(msgspec.Struct, frozen=True):
    """The caller, the time and the retry policy of a decision."""

    caller: Caller
    at: datetime
    policy: Policy


def decide(command: GroupCommand, group: Group, now: Context) -> list[Draft]:
    """Return the events that ``command`` causes; [] if its effect is already there.

    A redelivered command is recognised by its id before it gets here.

    Raises:
        Refused: ``not_found``, ``permission_denied``, ``conflict`` or ``idempotency_mismatch``.
    """
    match command:
        case SubmitJob() | SubmitBatch():
            return _submit(command, group, now)
        case AddJob():
            return _add_job(command, group, now)
        case RestartJob() | DeleteJob():
            return _change_job(command, group, now)
        case SetBatchActive():
            return _set_active(command, group, now)
        case SetBatchArchived():
            return _set_archived(command, group, now)
        case BuildBatchZip():
            events = batch_zip.request_zip(command, group, now.caller, now.at, now.policy)
            return [_draft(group, event) for event in events]
        case DeleteBatch():
            _check_batch(command.batch_id, group, now.caller)
            return [_draft(group, BatchDeleted(batch_id=command.batch_id, at=now.at))]
        case FileBatch():
            filed = retire.request_retirement(command, group, now.caller, now.at)
            return [_draft(group, event) for event in filed]
        case _:
            assert_never(command)


def fail_all(group: Group, now: Context) -> list[Draft]:
    """Fail all unfinished jobs of a batch that the caller may change; [] for other groups."""
    if (
        group.batch_id is None
        or group.existence != "here"
        or group.archived
        or not group.unfinished
        or not may_change(now.caller, group.owner, group.access)
    ):
        return []
    # One event for all jobs: 10,000 of them are one decision.
    numbers = [n for n, state in enumerate(group.jobs, 1) if is_unfinished(state)]
    who = now.caller.user or "an anonymous caller"
    error = JobError(code="cancelled", message=f"cancelled by {who}: all unfinished jobs failed")
    return [_draft(group, JobsFailed(numbers=numbers, error=error, at=now.at))]


def complete_batch(group: Group, at: datetime) -> list[Draft]:
    """Announce a batch's completion once, when its last unfinished job has ended."""
    if group.batch_id is None or group.existence != "here" or group.unfinished:
        return []
    if group.retired_completed is not None:  # its completion was announced before
        return []
    all_failed = group.present > 0 and group.failed == group.present
    status: Literal["failed", "completed"] = "failed" if all_failed else "completed"
    if group.outcome == status:
        return []
    return [_draft(group, BatchCompleted(status=status, at=at))]


def _submit(command: SubmitJob | SubmitBatch, group: Group, now: Context) -> list[Draft]:
    if group.existence != "none":
        _check_repeat(command.request_hash, group)
        return []
    if isinstance(command, SubmitJob):
        event = JobSubmitted(
            job_id=command.job_id,
            job=command.job,
            owner=command.owner,
            access=command.access,
            request_hash=command.request_hash,
            at=now.at,
        )
        return [_draft(group, event)]
    opened = BatchSubmitted(
        batch_id=command.batch_id,
        batch_name=command.batch_name,
        total_jobs=len(command.jobs),
        owner=command.owner,
        access=command.access,
        webhook=command.webhook,
        request_hash=command.request_hash,
        at=now.at,
    )
    return [_draft(group, opened), *_add_jobs(command, group, now)]


def _add_jobs(command: SubmitBatch, group: Group, now: Context) -> list[Draft]:
    drafts: list[Draft] = []
    for first, jobs in split_jobs(command.jobs):
        event = JobsAdded(
            batch_id=command.batch_id,
            first=first,
            jobs=jobs,
            owner=command.owner,
            access=command.access,
            at=now.at,
        )
        drafts.append(_draft(group, event))
    return drafts


def _check_repeat(request_hash: str | None, group: Group) -> None:
    """Accept a repeated request; the hash is ``<hash of the key>.<hash of the body>``."""
    if group.existence == "here" and request_hash is not None and group.request_hash is not None:
        if request_hash == group.request_hash:
            return
        if request_hash.partition(".")[0] == group.request_hash.partition(".")[0]:
            raise Refused("idempotency_mismatch", KEY_MISMATCH)
    name = group.batch_id or group.id[2:]
    raise Refused("conflict", f"the id {name} is already in use")


def _add_job(command: AddJob, group: Group, now: Context) -> list[Draft]:
    _check_batch(command.batch_id, group, now.caller)
    if command.key is not None and (known := group.added_by.get(command.key)):
        if known.request_hash == command.request_hash:
            return []
        raise Refused("idempotency_mismatch", KEY_MISMATCH)
    check_not_retired(group)
    if group.archived:
        raise Refused("conflict", f"batch {command.batch_id} is archived")
    if len(group.jobs) >= MAX_JOBS:
        raise Refused("conflict", f"batch {command.batch_id} is full: it has {MAX_JOBS} jobs")
    event = JobsAdded(
        batch_id=command.batch_id,
        first=len(group.jobs) + 1,
        jobs=[command.job],
        owner=group.owner,
        access=group.access,
        key=command.key,
        request_hash=command.request_hash,
        at=now.at,
    )
    return [_draft(group, event)]


def _change_job(command: RestartJob | DeleteJob, group: Group, now: Context) -> list[Draft]:
    key = parse_job_id(command.job_id)
    if group.existence == "here":  # checked first, to hide from strangers which jobs exist
        _check_may_change(f"job {command.job_id}", group, now.caller)
        check_not_retired(group)
    state = group.job(key.n) if key is not None and group.existence == "here" else None
    if key is None or state is None or isinstance(state, job.Deleted):
        raise Refused("not_found", f"there is no job {command.job_id}")
    setting = job.JobContext(group.id, key.n, now.at, now.policy)
    events = job.decide(command, state, setting)
    # Deleting a single job deletes its group, so the event belongs on the group's subject.
    alone = isinstance(command, DeleteJob) and not is_batch(group.id)
    return [Draft(group.id, None if alone else key.n, event) for event in events]


def _set_active(command: SetBatchActive, group: Group, now: Context) -> list[Draft]:
    _check_batch(command.batch_id, group, now.caller)
    check_not_retired(group)
    active = not group.active if command.active is None else command.active
    if active == group.active:
        return []
    return [_draft(group, BatchResumed(at=now.at) if active else BatchPaused(at=now.at))]


def _set_archived(command: SetBatchArchived, group: Group, now: Context) -> list[Draft]:
    _check_batch(command.batch_id, group, now.caller)
    if command.archived == group.archived:  # archiving a retired batch again is no change
        return []
    check_not_retired(group)
    return [
        _draft(group, BatchArchived(at=now.at) if command.archived else BatchUnarchived(at=now.at))
    ]


def _check_batch(batch_id: str, group: Group, caller: Caller) -> None:
    if group.existence != "here" or group.batch_id != batch_id:
        raise Refused("not_found", f"there is no batch {batch_id}")
    _check_may_change(f"batch {batch_id}", group, caller)


def _check_may_change(what: str, group: Group, caller: Caller) -> None:
    if not may_change(caller, group.owner, group.access):
        raise Refused("permission_denied", f"you may not change {what}")


def _draft(group: Group, event: Event) -> Draft:
    return Draft(group.id, None, event)
