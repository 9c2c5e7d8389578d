"""Decide the life of one job from its own events.

An attempt is waiting, fetching, zipping and then ended. A report counts only for the attempt
and step that the job is in.
"""

from datetime import datetime, timedelta
from typing import Literal, assert_never

import msgspec

from eventjob.contracts.base import JobError
from eventjob.contracts.commands import DeleteJob, RestartJob
from eventjob.contracts.events import (
    AttemptFailed,
    JobCompleted,
    JobDeleted,
    JobEvent,
    JobFailed,
    JobFetched,
    JobRestarted,
)
from eventjob.contracts.work import ArchiveBuilt, JobOutcome, SessionFetched, WorkFailed
from eventjob.domain.attempt import decide_failed_attempt
from eventjob.domain.errors import Refused, StaleMemory
from eventjob.domain.ids import format_job_id
from eventjob.domain.retry import Policy


class Waiting(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Attempt ``attempt`` starts at once, or when ``due``; ``tries`` attempts have failed.

    Attempts since ``postponed_since`` did not count: the host only asked to wait.
    """

    attempt: int
    tries: int = 0
    due: datetime | None = None
    postponed_since: datetime | None = None


class Fetching(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A processor has the job."""

    attempt: int
    tries: int
    deadline: datetime
    postponed_since: datetime | None = None


class Zipping(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Fetched; an archiver builds the ZIP of ``bundle``."""

    attempt: int
    tries: int
    deadline: datetime
    bundle: str


class Ended(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Completed or failed; only a restart or a deletion changes it."""

    attempt: int
    status: Literal["completed", "failed"]


class Deleted(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Deleted for ever."""


JobState = Waiting | Fetching | Zipping | Ended | Deleted
UNFINISHED = (Waiting, Fetching, Zipping)  # a tuple is fast: checked several times per event
SUBMITTED: JobState = Waiting(attempt=1)


class LoseAttempt(msgspec.Struct, frozen=True):
    """The attempt's deadline has passed before any report."""

    attempt: int


JobCommand = SessionFetched | ArchiveBuilt | WorkFailed | LoseAttempt | RestartJob | DeleteJob


class JobContext(msgspec.Struct, frozen=True):
    """What a decision about a job depends on besides its state."""

    group: str
    n: int
    at: datetime
    policy: Policy


def decide(command: JobCommand, state: JobState, setting: JobContext) -> list[JobEvent]:
    """Return the events that ``command`` causes; [] if the job has already moved on.

    Raises:
        Refused: ``not_found`` for a restart or deletion of a deleted job.
        StaleMemory: a report is ahead of ``state``.
    """
    match command:
        case SessionFetched() | ArchiveBuilt() | WorkFailed():
            return _decide_report(command, state, setting)
        case RestartJob():
            attempt = _require_present(state, command.job_id).attempt + 1
            return [JobRestarted(attempt=attempt, at=setting.at)]
        case DeleteJob():
            _require_present(state, command.job_id)
            return [JobDeleted(job_id=command.job_id, at=setting.at)]
        case LoseAttempt():
            if not _is_running(state, command.attempt):
                return []
            return [_fail_attempt(_lost_report(command, setting), state, setting)]
        case _:
            assert_never(command)


def evolve(state: JobState, event: JobEvent) -> JobState:
    """Return ``state`` after ``event``. It accepts every event: the log is fact."""
    if isinstance(state, Deleted):  # late events must not revive a deleted job
        return state
    match event:
        case JobFetched():
            deadline = state.deadline if isinstance(state, Fetching) else event.at
            return Zipping(event.attempt, _tries(state), deadline, event.bundle)
        case JobCompleted():
            return Ended(event.attempt, "completed")
        case JobFailed():
            return Ended(event.attempt, "failed")
        case AttemptFailed():
            tries = _tries(state) + event.counted
            since = None if event.counted else _postponed_since(state) or event.at
            return Waiting(event.attempt + 1, tries, event.retry_at, since)
        case JobRestarted():
            return Waiting(event.attempt)
        case JobDeleted():
            return Deleted()
        case _:
            assert_never(event)


def evolve_started(state: JobState, attempt: int, deadline: datetime) -> JobState:
    """Return ``state`` after the attempt was handed to a processor."""
    if not isinstance(state, UNFINISHED):
        return state
    return Fetching(attempt, _tries(state), deadline, _postponed_since(state))


def evolve_failed(state: JobState) -> JobState:
    """Return ``state`` after a user failed the job; an ended job stays as it is."""
    match state:
        case Waiting() | Fetching() | Zipping():
            return Ended(state.attempt, "failed")
        case Ended() | Deleted():
            return state
        case _:
            assert_never(state)


def _decide_report(report: JobOutcome, state: JobState, setting: JobContext) -> list[JobEvent]:
    """Decide about a report: ignore it if the job is further, refold if the job is behind."""
    current, reported = _progress(state), (report.attempt, _step(report))
    if current > reported:
        return []
    if current < reported:
        raise StaleMemory(f"report about {reported}, but the job is known to be at {current}")
    match report:
        case SessionFetched():
            return [
                JobFetched(
                    attempt=report.attempt,
                    bundle=report.bundle,
                    files=report.files,
                    sources=report.sources,
                    log=report.log,
                    at=setting.at,
                )
            ]
        case ArchiveBuilt():
            return [JobCompleted(attempt=report.attempt, archive=report.archive, at=setting.at)]
        case WorkFailed():
            return [_fail_attempt(report, state, setting)]
        case _:
            assert_never(report)


def _step(report: JobOutcome) -> int:
    archives = isinstance(report, ArchiveBuilt) or (
        isinstance(report, WorkFailed) and report.task == "archive"
    )
    return 2 if archives else 1


def _fail_attempt(report: WorkFailed, state: JobState, setting: JobContext) -> JobEvent:
    return decide_failed_attempt(
        report,
        at=setting.at,
        policy=setting.policy,
        tries=_tries(state),
        postponed_since=_postponed_since(state),
        salt=f"{format_job_id(setting.group, setting.n)}:{report.attempt}",
    )


def _lost_report(command: LoseAttempt, setting: JobContext) -> WorkFailed:
    minutes = setting.policy.attempt_timeout / timedelta(minutes=1)
    message = f"no worker reported within {minutes:g} minutes"
    return WorkFailed(
        group=setting.group,
        n=setting.n,
        attempt=command.attempt,
        task="fetch",
        error=JobError(code="attempts_lost", message=message),
        transient=True,
    )


def _is_running(state: JobState, attempt: int) -> bool:
    return isinstance(state, Fetching | Zipping) and state.attempt == attempt


def _require_present(state: JobState, job: str) -> Waiting | Fetching | Zipping | Ended:
    if isinstance(state, Deleted):
        raise Refused("not_found", f"job {job} was deleted")
    return state


def _tries(state: JobState) -> int:
    return state.tries if isinstance(state, UNFINISHED) else 0


def _postponed_since(state: JobState) -> datetime | None:
    return state.postponed_since if isinstance(state, Waiting | Fetching) else None


def _progress(state: JobState) -> tuple[float, int]:
    """Return attempt and step as a pair that can be compared."""
    match state:
        case Waiting():
            return state.attempt, 0
        case Fetching():
            return state.attempt, 1
        case Zipping():
            return state.attempt, 2
        case Ended():
            return state.attempt, 3
        case Deleted():
            return float("inf"), 0
        case _:
            assert_never(state)
