"""Who is next: fair between lanes, in order within one, and no host fills the workers."""

from collections import Counter, deque
from itertools import chain, cycle, islice

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
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
            dispatch.add(lane, job(lane, n, host))
    return dispatch


def take(dispatch, free=MANY, share=MANY, wanted=lambda _: True):
    return dispatch.take_jobs(free, share, wanted)


def worked_off(dispatch, capacity, *, share=None, most=MANY):
    """The jobs in the order of their starts, where each is over when ``capacity`` are at work."""
    order, running = [], deque()
    while len(order) < most:
        started = take(dispatch, capacity - len(running), share or host_share(capacity))
        if not started and not running:
            break
        for candidate in started:
            dispatch.count_start(candidate.host)
        order += started
        running += started
        dispatch.count_end(running.popleft().host)
    return order


def lanes(candidates):
    return "".join(candidate.group for candidate in candidates)


@pytest.mark.parametrize("capacity", [1, 2, 3, 16, 100])
@pytest.mark.parametrize("host", ["one.example", "other.example"], ids=["same host", "other host"])
def test_a_batch_of_10_starts_within_20_behind_one_of_10000(host, capacity):
    dispatch = queued(("A", 10_000, "one.example"))
    before = len(worked_off(dispatch, capacity, most=50))
    for n in range(1, 11):
        dispatch.add("B", job("B", n, host))
    after = worked_off(dispatch, capacity)
    assert lanes(after[:20]).count("B") == 10
    assert before + len(after) == 10_010


def test_lanes_take_turns():
    assert lanes(take(queued(("A", 3, "a"), ("B", 1, "b"), ("C", 2, "c")))) == "ABCACA"


def test_turns_go_on_where_they_stopped():
    dispatch = queued(("A", 3, "a"), ("B", 3, "b"), ("C", 3, "c"))
    assert [lanes(take(dispatch, free)) for free in (1, 1, 2, 5)] == ["A", "B", "CA", "BCABC"]


def test_a_lane_keeps_its_order_over_several_hosts():
    dispatch = Dispatch()
    for n, host in enumerate(islice(cycle("abc"), 12), 1):
        dispatch.add("A", job("A", n, host))
    assert [candidate.n for candidate in take(dispatch)] == [*range(1, 13)]


def test_a_job_that_comes_back_stands_at_the_end():
    dispatch = queued(("A", 2, "a"))
    (first,) = take(dispatch, 1)
    dispatch.add("A", job("A", first.n, "a", attempt=2))
    assert [(candidate.n, candidate.attempt) for candidate in take(dispatch)] == [(2, 1), (1, 2)]


@table("capacity, share", (0, 1), (1, 1), (2, 1), (3, 2), (4, 3), (16, 12), (100, 75))
def test_a_host_may_have_three_quarters_and_at_least_one(capacity, share):
    assert host_share(capacity) == share


def test_a_lane_that_was_passed_over_keeps_its_turn():
    """Else A would have the slow host for ever: B's turns would go by while C is served."""
    dispatch = queued(("A", 100, "slow"), ("B", 100, "slow"), ("C", 100, "other"))
    started = take(dispatch, free=2, share=1)
    order = []
    for host in islice(cycle(["slow", "other"]), 100):
        order += started
        for candidate in started:
            dispatch.count_start(candidate.host)
        dispatch.count_end(host)
        started = take(dispatch, free=1, share=1)
    assert lanes(order[:8]) == "ACBCACBC"


def test_with_a_capacity_of_one_all_get_their_turn():
    dispatch = queued(("A", 2, "a"), ("B", 2, "a"))
    assert lanes(worked_off(dispatch, capacity=1)) == "ABAB"


def test_unwanted_jobs_cost_a_lane_no_turn():
    """A batch of which 1,000 jobs were failed does not wait for 1,000 turns of the others."""
    dispatch = queued(("A", 1000, "a"), ("B", 1000, "b"))
    started = take(dispatch, free=4, wanted=lambda c: c.group == "B" or c.n > 998)
    assert lanes(started) == "ABAB"


def test_many_lanes_all_start_once_before_any_starts_twice():
    dispatch = queued(*((f"lane-{n}", 3, f"host-{n % 7}") for n in range(50)))
    rounds = [take(dispatch, 10) for _ in range(5)]
    assert len({candidate.group for candidate in chain(*rounds)}) == 50


LANES = st.sampled_from("ABC")
HOSTS = st.sampled_from(["a", "b", "c"])


class Dispatching(RuleBasedStateMachine):
    """A dispatch beside a list of what is ready, in order of arrival."""

    def __init__(self):
        super().__init__()
        self.dispatch = Dispatch()
        self.waiting = []
        self.running = []
        self.paused = set()
        self.unwanted = set()
        self.n = 0

    @rule(lane=LANES, host=HOSTS, wanted=st.booleans())
    def ready(self, lane, host, wanted):
        self.n += 1
        candidate = Candidate(lane, self.n, 1, host)
        self.dispatch.add(lane, candidate)
        self.waiting.append(candidate)
        if not wanted:
            self.unwanted.add(candidate)

    @rule(lane=LANES)
    def pause(self, lane):
        self.dispatch.pause(lane)
        self.paused.add(lane)

    @rule(lane=LANES)
    def resume(self, lane):
        self.dispatch.resume(lane)
        self.paused.discard(lane)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def end(self, data):
        ended = data.draw(st.sampled_from(self.running))
        self.running.remove(ended)
        self.dispatch.count_end(ended.host)

    @rule(free=st.integers(0, 4), share=st.integers(1, 3))
    def take(self, free, share):
        before = Counter(candidate.host for candidate in self.running)
        chosen = self.dispatch.take_jobs(free, share, lambda c: c not in self.unwanted)
        expected = self.possible(share, before)
        assert len(chosen) == min(free, expected)
        for candidate in chosen:
            assert candidate.group not in self.paused
            assert candidate not in self.unwanted
            assert candidate == self.first(candidate.group, candidate.host)
            self.waiting.remove(candidate)
            self.running.append(candidate)
            self.dispatch.count_start(candidate.host)
        after = Counter(candidate.host for candidate in self.running)
        assert all(after[host] <= max(share, before[host]) for host in after)

    def possible(self, share, running):
        """How many could start at most: of each host what its share leaves."""
        ready = Counter(c.host for c in self.wanted() if c.group not in self.paused)
        return sum(min(ready[host], max(0, share - running[host])) for host in ready)

    def first(self, lane, host):
        return next(c for c in self.wanted() if (c.group, c.host) == (lane, host))

    def wanted(self):
        return [candidate for candidate in self.waiting if candidate not in self.unwanted]

    def teardown(self):
        for lane in "ABC":
            self.dispatch.resume(lane)
        rest = self.dispatch.take_jobs(10**6, 10**6, lambda c: c not in self.unwanted)
        assert Counter(rest) == Counter(self.wanted())


TestDispatching = Dispatching.TestCase
TestDispatching.settings = settings(max_examples=4 * settings().max_examples)
