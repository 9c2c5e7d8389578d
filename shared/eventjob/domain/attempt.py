"""Decide what follows a failed attempt: another attempt, or the end of the job."""

from datetime import datetime, timedelta

from eventjob.contracts.base import JobError
from eventjob.contracts.events import AttemptFailed, JobFailed
from eventjob.contracts.work import WorkFailed
from eventjob.domain.retry import Policy, retry_delay


def decide_failed_attempt(
    report: WorkFailed,
    *,
    at: datetime,
    policy: Policy,
    tries: int,
    postponed_since: datetime | None,
    salt: str,
) -> AttemptFailed | JobFailed:
    """Schedule the next attempt, or fail the job if this was the last one.

    Args:
        report: of the failed attempt.
        at: now.
        policy: limits the attempts and the time of postponement.
        tries: attempts that counted and failed before this one.
        postponed_since: when the host first asked to wait, if it has asked ever since.
        salt: of the delay, see `retry_delay`.
    """
    tries += report.counted
    is_last = not report.transient or tries >= policy.max_attempts
    is_postponed_too_long = (
        not report.counted
        and postponed_since is not None
        and at - postponed_since >= policy.max_postponement
    )
    if is_last or is_postponed_too_long:
        error = report.error if is_last else _postponed_too_long(report, policy)
        return JobFailed(attempt=report.attempt, error=error, log=report.log, at=at)
    # A host that only asks to wait has not failed, so its delay does not grow.
    growth = tries if report.counted else 1
    return AttemptFailed(
        attempt=report.attempt,
        error=report.error,
        retry_at=at + retry_delay(growth, policy, at_least_s=report.retry_after_s, salt=salt),
        counted=report.counted,  # the number still grows: it fences off late reports
        log=report.log,
        at=at,
    )


def _postponed_too_long(report: WorkFailed, policy: Policy) -> JobError:
    hours = policy.max_postponement / timedelta(hours=1)
    message = f"postponed by the host for {hours:g} hours; last answer: {report.error.message}"
    return JobError(code="http_429", message=message)
