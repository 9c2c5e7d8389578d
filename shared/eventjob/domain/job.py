"""The life of one job, decided from its own events alone.

An attempt goes from waiting over fetching and archiving to its end; a report moves it on only if
it is about exactly the attempt and the step that the job is in.
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
    """Attempt ``attempt`` comes next, at once or when ``due``; ``tries`` attempts have failed.

    Those since ``postponed_since`` did not count: the host only asked to wait.
    """

    attempt: int
    tries: int = 0
    due: datetime | None = None
    postponed_since: datetime | None = None


class Fetching(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Handed to a processor."""

    attempt: int
    tries: int
    deadline: datetime
    postponed_since: datetime | None = None


class Zipping(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Fetched; an archiver makes the ZIP of ``bundle``."""

    attempt: int
    tries: int
    deadline: datetime
    bundle: str


class Ended(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Completed or failed. Only a restart or a delete changes it any more."""

    attempt: int
    status: Literal["completed", "failed"]


class Deleted(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Gone, for ever."""


JobState = Waiting | Fetching | Zipping | Ended | Deleted
UNFINISHED = (Waiting, Fetching, Zipping)  # a tuple: this is asked several times per event
SUBMITTED: JobState = Waiting(attempt=1)


class LoseAttempt(msgspec.Struct, frozen=True):
    """The attempt's time is up and nobody has reported."""

    attempt: int


JobCommand = SessionFetched | ArchiveBuilt | WorkFailed | LoseAttempt | RestartJob | DeleteJob


class JobContext(msgspec.Struct, frozen=True):
    """What a decision about a job depends on besides its history."""

    group: str
    n: int
    at: datetime
    policy: Policy


def decide(command: JobCommand, state: JobState, setting: JobContext) -> list[JobEvent]:
    """What ``command`` makes happen to a job in ``state``; nothing where its time has passed.

    Raises:
        Refused: ``not_found`` for a restart or delete of a job that is gone.
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
    """``state`` after ``event``. Never refuses: what is in the log has happened."""
    if isinstance(state, Deleted):
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
    """``state`` after the attempt was handed out."""
    if not isinstance(state, UNFINISHED):
        return state
    return Fetching(attempt, _tries(state), deadline, _postponed_since(state))


def evolve_failed(state: JobState) -> JobState:
    """``state`` after a person failed the job; an ended one stays as it is."""
    match state:
        case Waiting() | Fetching() | Zipping():
            return Ended(state.attempt, "failed")
        case Ended() | Deleted():
            return state
        case _:
            assert_never(state)


def _decide_report(report: JobOutcome, state: JobState, setting: JobContext) -> list[JobEvent]:
    """A report counts for the attempt and step it is about: before it is stale, after it late."""
    here, there = _progress(state), (report.attempt, _step(report))
    if here > there:
        return []
    if here < there:
        raise StaleMemory(f"a report about {there} while the job is at {here}")
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
    """How far a job is, as attempt and step, so that any two places can be compared."""
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
