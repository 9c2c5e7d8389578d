"""Decisions about a batch's ZIP: asked for by a reader, built once, and again when asked again."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from eventjob.contracts.base import JobError
from eventjob.contracts.commands import BuildBatchZip
from eventjob.contracts.events import BatchZipBuilt, BatchZipFailed, BatchZipRequested
from eventjob.contracts.work import BatchPacked, WorkFailed
from eventjob.domain.access import Caller, may_read
from eventjob.domain.batch import Group, ZipBuilding, ZipIdle, ZipState
from eventjob.domain.errors import Refused, StaleMemory
from eventjob.domain.retry import Policy

RETRY_PAUSE = timedelta(seconds=30)  # from one attempt to the next, where the first one failed

ZipEvent = BatchZipRequested | BatchZipBuilt | BatchZipFailed


def request_zip(
    command: BuildBatchZip, group: Group, caller: Caller, at: datetime, policy: Policy
) -> Sequence[ZipEvent]:
    """An attempt to build the ZIP; nothing while one is under way, or has failed just now.

    Raises:
        Refused: ``permission_denied``; ``conflict`` where more results are to come; ``not_found``
            also where there are none.
    """
    name = f"batch {command.batch_id}"
    if group.existence != "here" or group.batch_id != command.batch_id:
        raise Refused("not_found", f"there is no {name}")
    if not may_read(caller, group.owner, group.access):
        raise Refused("permission_denied", f"you may not read {name}")
    if group.active and group.unfinished:
        raise Refused("conflict", f"{name} still runs: wait until it is done, or pause it")
    if not group.completed:
        raise Refused("not_found", f"no job of {name} is completed: there is nothing to pack")
    if isinstance(group.zip, ZipBuilding) or _is_too_soon(group.zip, at, policy):
        return []
    attempt = group.zip.attempt + 1
    return [BatchZipRequested(attempt=attempt, deadline=at + policy.attempt_timeout, at=at)]


def _is_too_soon(state: ZipIdle, at: datetime, policy: Policy) -> bool:
    """Clients ask every few seconds, and each attempt is two events in the log."""
    pause = min(RETRY_PAUSE, policy.attempt_timeout)
    return state.tried_at is not None and at < state.tried_at + pause


def decide_report(
    outcome: BatchPacked | WorkFailed, state: ZipState, at: datetime
) -> Sequence[ZipEvent]:
    """What an archiver's report leads to; nothing where its attempt is over.

    Raises:
        StaleMemory: the report is ahead of ``state``.
    """
    if outcome.attempt > state.attempt:
        raise StaleMemory(f"a report of attempt {outcome.attempt} after {state.attempt}")
    if outcome.attempt < state.attempt or isinstance(state, ZipIdle):
        return []
    if isinstance(outcome, WorkFailed):
        return [BatchZipFailed(attempt=outcome.attempt, error=outcome.error, at=at)]
    return [BatchZipBuilt(attempt=outcome.attempt, zip=outcome.zip, content=outcome.content, at=at)]


def lose_attempt(attempt: int, state: ZipState, at: datetime, policy: Policy) -> Sequence[ZipEvent]:
    """The end of an attempt that nobody reported in time."""
    if isinstance(state, ZipIdle) or state.attempt != attempt:
        return []
    minutes = policy.attempt_timeout / timedelta(minutes=1)
    message = f"no archiver reported within {minutes:g} minutes"
    error = JobError(code="attempts_lost", message=message)
    return [BatchZipFailed(attempt=attempt, error=error, at=at)]
