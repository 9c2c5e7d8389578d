"""Decide about a batch's ZIP: requested by a reader, built, failed or lost.

Most ZIPs are never downloaded, so building starts with the first request.
"""

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
    """Start an attempt to build the ZIP; [] while one runs or has just failed.

    Raises:
        Refused: ``permission_denied``; ``conflict`` while results are still to come; ``not_found``
            for no such batch, or no completed job.
    """
    name = f"batch {command.batch_id}"
    if group.existence != "here" or group.batch_id != command.batch_id:
        raise Refused("not_found", f"there is no {name}")
    if not may_read(caller, group.owner, group.access):
        raise Refused("permission_denied", f"you may not read {name}")
    if group.active and group.unfinished:
        raise Refused("conflict", f"{name} is still running: wait until it ends, or pause it")
    if not group.completed:
        raise Refused("not_found", f"no job of {name} has completed, so there is nothing to pack")
    # However often clients ask, one attempt runs at a time.
    if isinstance(group.zip, ZipBuilding) or _is_too_soon(group.zip, at, policy):
        return []
    attempt = group.zip.attempt + 1
    return [BatchZipRequested(attempt=attempt, deadline=at + policy.attempt_timeout, at=at)]


def _is_too_soon(state: ZipIdle, at: datetime, policy: Policy) -> bool:
    # Clients ask every few seconds, and each attempt adds two events to the log.
    pause = min(RETRY_PAUSE, policy.attempt_timeout)
    return state.tried_at is not None and at < state.tried_at + pause


def decide_report(
    outcome: BatchPacked | WorkFailed, state: ZipState, at: datetime
) -> Sequence[ZipEvent]:
    """Decide about an archiver's report; [] if its attempt has already ended.

    Raises:
        StaleMemory: the report is ahead of ``state``.
    """
    if outcome.attempt > state.attempt:
        raise StaleMemory(f"report of attempt {outcome.attempt}, but only {state.attempt} is known")
    if outcome.attempt < state.attempt or isinstance(state, ZipIdle):
        return []
    if isinstance(outcome, WorkFailed):
        return [BatchZipFailed(attempt=outcome.attempt, error=outcome.error, at=at)]
    return [BatchZipBuilt(attempt=outcome.attempt, zip=outcome.zip, content=outcome.content, at=at)]


def lose_attempt(attempt: int, state: ZipState, at: datetime, policy: Policy) -> Sequence[ZipEvent]:
    """Fail an attempt that has passed its deadline."""
    if isinstance(state, ZipIdle) or state.attempt != attempt:
        return []
    minutes = policy.attempt_timeout / timedelta(minutes=1)
    message = f"no archiver reported within {minutes:g} minutes"
    error = JobError(code="attempts_lost", message=message)
    return [BatchZipFailed(attempt=attempt, error=error, at=at)]
