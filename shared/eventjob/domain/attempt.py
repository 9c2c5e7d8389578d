"""What follows from a failed attempt: the next one, or the end of the job."""

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
    """The next attempt's appointment, or the job's end where this was the last one.

    Args:
        report: of the attempt.
        at: now.
        policy: says when it was the last one.
        tries: attempts that counted and failed before this one.
        postponed_since: the first one in a row that the host put off, before this one.
        salt: of the pause, see `retry_delay`.
    """
    tries += report.counted
    is_last = not report.transient or tries >= policy.max_attempts
    is_shut_out = (
        not report.counted
        and postponed_since is not None
        and at - postponed_since >= policy.max_postponement
    )
    if is_last or is_shut_out:
        error = report.error if is_last else _postponed_too_long(report, policy)
        return JobFailed(attempt=report.attempt, error=error, log=report.log, at=at)
    growth = tries if report.counted else 1  # who is only asked to wait does not wait ever longer
    return AttemptFailed(
        attempt=report.attempt,
        error=report.error,
        retry_at=at + retry_delay(growth, policy, at_least_s=report.retry_after_s, salt=salt),
        counted=report.counted,
        log=report.log,
        at=at,
    )


def _postponed_too_long(report: WorkFailed, policy: Policy) -> JobError:
    hours = policy.max_postponement / timedelta(hours=1)
    message = f"put off for {hours:g} hours, at last: {report.error.message}"
    return JobError(code="http_429", message=message)
