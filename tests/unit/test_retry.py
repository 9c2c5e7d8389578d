"""Pauses between attempts: they grow, they differ, they end, and they honour the host."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import row, table

from eventjob.domain.retry import MAX_DELAY, Policy, retry_delay

POLICY = Policy()
SALTS = st.text(max_size=20)
TRIES = st.integers(1, 10_000)
ASKED = st.floats(allow_nan=False, allow_infinity=False)


def waits(tries, asked_s=0.0, salt="job-1:1", policy=POLICY):
    return retry_delay(tries, policy, at_least_s=asked_s, salt=salt)


def test_the_policy_is_the_contracts():
    assert (POLICY.max_attempts, POLICY.attempt_timeout) == (5, timedelta(minutes=15))


@pytest.mark.parametrize(("tries", "seconds"), [(1, 2), (2, 8), (3, 32), (4, 128), (5, 512)])
def test_pauses_grow_fourfold_give_or_take_a_quarter(tries, seconds):
    all_waits = [waits(tries, salt=f"job-{n}:1").total_seconds() for n in range(1000)]
    assert 0.75 * seconds <= min(all_waits) < 0.76 * seconds
    assert 1.24 * seconds < max(all_waits) <= 1.25 * seconds


def test_jobs_that_failed_together_do_not_come_back_together():
    assert len({waits(1, salt=f"job-x.{n}:1") for n in range(1000)}) > 990


@table(
    "asked_s, wait",
    row("what the host asks for", 60, timedelta(minutes=1)),
    row("not less than the pause", 0.5, waits(1)),
    row("an hour", 3600, MAX_DELAY),
    row("not more than an hour", 3601, MAX_DELAY),
    row("not for ever", 1e308, MAX_DELAY),
    row("not backwards", -1e308, waits(1)),
)
def test_a_host_may_ask_for(asked_s, wait):
    assert waits(1, asked_s) == wait


@given(TRIES, ASKED, SALTS)
def test_a_pause_is_neither_nothing_nor_endless(tries, asked_s, salt):
    wait = waits(tries, asked_s, salt)
    assert timedelta(seconds=1.5) <= wait <= MAX_DELAY
    assert wait == waits(tries, asked_s, salt)


@given(TRIES, st.floats(0, 3600), SALTS)
def test_a_pause_honours_the_host_and_grows(tries, asked_s, salt):
    assert waits(tries, asked_s, salt) >= timedelta(seconds=asked_s)
    assert waits(tries, asked_s, salt) <= waits(tries + 1, asked_s, salt)
