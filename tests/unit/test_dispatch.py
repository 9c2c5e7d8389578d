"""Who is next: fair between lanes, first in first out within one, no host fills the workers."""

from collections import Counter, deque
from itertools import chain, cycle, islice

import pytest
from tables import table

from eventjob.domain.dispatch import Candidate, Dispatch, host_share

MANY = 1_000_000


def job(group, n, host="example.org", attempt=1):
    return Candidate(group, n, attempt, host)


def queued(*batches):
    """A dispatch with these jobs ready: each (lane, how many, host)."""
    dispatch = Dispatch()
    for lane, count, host in batches:
        for n in range(1, count + 1):
            dispatch.ready(lane, job(lane, n, host))
    return dispatch


def take(dispatch, free=MANY, share=MANY, wanted=lambda _: True):
    return dispatch.take(free, share, wanted)


def worked_off(dispatch, capacity, *, share=None, most=MANY):
    """The jobs in the order of their starts, where each is over when ``capacity`` are at work."""
    order, running = [], deque()
    while len(order) < most:
        started = take(dispatch, capacity - len(running), share or host_share(capacity))
        if not started and not running:
            break
        for candidate in started:
            dispatch.began(candidate.host)
        order += started
        running += started
        dispatch.ended(running.popleft().host)
    return order


def lanes(candidates):
    return "".join(candidate.group for candidate in candidates)


@pytest.mark.parametrize("capacity", [1, 2, 3, 16, 100])
@pytest.mark.parametrize("host", ["one.example", "other.example"], ids=["same host", "other host"])
def test_a_batch_of_10_starts_within_20_behind_one_of_10000(host, capacity):
    dispatch = queued(("A", 10_000, "one.example"))
    before = len(worked_off(dispatch, capacity, most=50))
    for n in range(1, 11):
        dispatch.ready("B", job("B", n, host))
    after = worked_off(dispatch, capacity)
    assert lanes(after[:20]).count("B") == 10
    assert before + len(after) == 10_010


def test_lanes_take_turns():
    assert lanes(take(queued(("A", 3, "a"), ("B", 1, "b"), ("C", 2, "c")))) == "ABCACA"


def test_turns_go_on_where_they_stopped():
    dispatch = queued(("A", 3, "a"), ("B", 3, "b"), ("C", 3, "c"))
    assert [lanes(take(dispatch, free)) for free in (1, 1, 2, 5)] == ["A", "B", "CA", "BCABC"]


def test_a_lane_is_first_in_first_out():
    assert [candidate.n for candidate in take(queued(("A", 100, "a")))] == [*range(1, 101)]


def test_a_lane_keeps_its_order_over_several_hosts():
    dispatch = Dispatch()
    for n, host in enumerate(islice(cycle("abc"), 12), 1):
        dispatch.ready("A", job("A", n, host))
    assert [candidate.n for candidate in take(dispatch)] == [*range(1, 13)]


def test_a_job_that_comes_back_stands_at_the_end():
    dispatch = queued(("A", 2, "a"))
    (first,) = take(dispatch, 1)
    dispatch.ready("A", job("A", first.n, "a", attempt=2))
    assert [(candidate.n, candidate.attempt) for candidate in take(dispatch)] == [(2, 1), (1, 2)]


@table("capacity, share", (0, 1), (1, 1), (2, 1), (3, 2), (4, 3), (16, 12), (100, 75))
def test_a_host_may_have_three_quarters_and_at_least_one(capacity, share):
    assert host_share(capacity) == share


def test_a_host_never_has_more_than_its_share():
    dispatch = queued(("A", 10, "a"), ("B", 10, "b"))
    dispatch.began("a")
    started = take(dispatch, share=3)
    assert Counter(candidate.host for candidate in started) == {"a": 2, "b": 3}
    assert take(dispatch, share=3, free=1) != []  # taking alone counts nothing: `began` does


def test_jobs_of_a_busy_host_are_passed_over_and_not_lost():
    dispatch = Dispatch()
    dispatch.began("busy")
    for n, host in enumerate(["busy", "idle", "busy", "idle"], 1):
        dispatch.ready("A", job("A", n, host))
    assert [candidate.n for candidate in take(dispatch, share=1)] == [2]
    dispatch.ended("busy")
    assert [candidate.n for candidate in take(dispatch)] == [1, 3, 4]


def test_a_lane_that_was_passed_over_keeps_its_turn():
    """Else A would have the slow host for ever: B's turns would go by while C is served."""
    dispatch = queued(("A", 100, "slow"), ("B", 100, "slow"), ("C", 100, "other"))
    started = take(dispatch, free=2, share=1)
    order = []
    for host in islice(cycle(["slow", "other"]), 100):
        order += started
        for candidate in started:
            dispatch.began(candidate.host)
        dispatch.ended(host)
        started = take(dispatch, free=1, share=1)
    assert lanes(order[:8]) == "ACBCACBC"


@pytest.mark.parametrize(("free", "started"), [(-1, 0), (0, 0), (1, 1), (2, 2), (5, 3)], ids=str)
def test_no_more_start_than_workers_are_free(free, started):
    assert len(take(queued(("A", 3, "a")), free)) == started


def test_with_a_capacity_of_one_all_get_their_turn():
    dispatch = queued(("A", 2, "a"), ("B", 2, "a"))
    assert lanes(worked_off(dispatch, capacity=1)) == "ABAB"


def test_a_paused_lane_starts_nothing_and_loses_nothing():
    dispatch = queued(("A", 2, "a"), ("B", 1, "b"))
    dispatch.pause("A")
    dispatch.pause("A")
    dispatch.ready("A", job("A", 3, "a"))
    assert lanes(take(dispatch)) == "B"
    dispatch.resume("A")
    dispatch.resume("A")
    assert [candidate.n for candidate in take(dispatch)] == [1, 2, 3]


def test_an_empty_lane_can_be_paused_before_its_jobs_come():
    dispatch = Dispatch()
    dispatch.pause("A")
    dispatch.ready("A", job("A", 1))
    assert take(dispatch) == []
    dispatch.resume("A")
    assert lanes(take(dispatch)) == "A"


def test_unwanted_jobs_are_dropped_for_good():
    dispatch = queued(("A", 4, "a"))
    assert [candidate.n for candidate in take(dispatch, wanted=lambda c: c.n % 2 == 0)] == [2, 4]
    assert take(dispatch) == []


def test_unwanted_jobs_cost_a_lane_no_turn():
    """A batch of which 1,000 jobs were failed does not wait for 1,000 turns of the others."""
    dispatch = queued(("A", 1000, "a"), ("B", 1000, "b"))
    started = take(dispatch, free=4, wanted=lambda c: c.group == "B" or c.n > 998)
    assert lanes(started) == "ABAB"


def test_unwanted_jobs_take_nothing_of_the_share():
    dispatch = queued(("A", 10, "a"))
    started = take(dispatch, share=2, wanted=lambda c: c.n > 5)
    assert [candidate.n for candidate in started] == [6, 7]


def test_many_lanes_all_start_once_before_any_starts_twice():
    dispatch = queued(*((f"lane-{n}", 3, f"host-{n % 7}") for n in range(50)))
    rounds = [take(dispatch, 10) for _ in range(5)]
    assert len({candidate.group for candidate in chain(*rounds)}) == 50
