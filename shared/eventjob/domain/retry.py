"""When a failed attempt is tried again."""

import zlib
from datetime import timedelta

import msgspec

MAX_DELAY = timedelta(hours=1)


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How often an attempt may fail, how long it may take, and how long the first pause is.

    ``max_postponement`` is how long a job may be put off again and again by a busy host.
    """

    max_attempts: int = 5
    first_pause: timedelta = timedelta(seconds=2)
    attempt_timeout: timedelta = timedelta(minutes=15)
    max_postponement: timedelta = timedelta(hours=24)


def retry_delay(tries: int, policy: Policy, *, at_least_s: float, salt: str) -> timedelta:
    """The wait before the next attempt, once ``tries`` attempts have failed.

    Four times as long each time (2, 8, 32, 128 s), a quarter more or less by ``salt`` so that jobs
    that failed together do not come back together, at most an hour.

    Args:
        tries: failed attempts so far, from 1.
        policy: has the first pause.
        at_least_s: what the host asked for, any number; capped at an hour as well.
        salt: any text that differs between jobs.
    """
    spread = 0.75 + zlib.crc32(salt.encode()) / 2**33  # 0.75 to 1.25
    growing: timedelta = policy.first_pause * 4.0 ** min(tries - 1, 10) * spread
    asked = timedelta(seconds=min(max(at_least_s, 0.0), MAX_DELAY.total_seconds()))
    return min(max(growing, asked), MAX_DELAY)
