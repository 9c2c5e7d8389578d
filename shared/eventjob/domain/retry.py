"""When to retry a failed attempt."""

import zlib
from datetime import timedelta

import msgspec

MAX_DELAY = timedelta(hours=1)  # also caps what a host asks for, or it could hold a job for ever


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of attempts: their number, their duration and the delays between them.

    ``max_postponement`` limits how long a busy host may ask a job to wait again and again.
    """

    max_attempts: int = 5
    first_pause: timedelta = timedelta(seconds=2)
    attempt_timeout: timedelta = timedelta(minutes=15)
    max_postponement: timedelta = timedelta(hours=24)  # then the job fails with http_429


def retry_delay(tries: int, policy: Policy, *, at_least_s: float, salt: str) -> timedelta:
    """Return the delay before the next attempt: 2, 8, 32, 128 s … by default, at most an hour.

    Args:
        tries: failed attempts so far, from 1.
        policy: has the first delay.
        at_least_s: what the host asked for, any number; also capped at an hour.
        salt: any text that differs between jobs.
    """
    # Jitter of a quarter: jobs that failed together must not come back together.
    spread = 0.75 + zlib.crc32(salt.encode()) / 2**33
    growing: timedelta = policy.first_pause * 4.0 ** min(tries - 1, 10) * spread
    asked = timedelta(seconds=min(max(at_least_s, 0.0), MAX_DELAY.total_seconds()))
    return min(max(growing, asked), MAX_DELAY)
