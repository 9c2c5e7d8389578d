"""Whatever comes in whatever order: nothing ready is lost, or given twice, or out of order."""

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from eventjob.domain.dispatch import Candidate, Dispatch

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
        self.dispatch.ready(lane, candidate)
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
        self.dispatch.ended(ended.host)

    @rule(free=st.integers(0, 4), share=st.integers(1, 3))
    def take(self, free, share):
        before = Counter(candidate.host for candidate in self.running)
        chosen = self.dispatch.take(free, share, lambda c: c not in self.unwanted)
        expected = self.possible(share, before)
        assert len(chosen) == min(free, expected)
        for candidate in chosen:
            assert candidate.group not in self.paused
            assert candidate not in self.unwanted
            assert candidate == self.first(candidate.group, candidate.host)
            self.waiting.remove(candidate)
            self.running.append(candidate)
            self.dispatch.began(candidate.host)
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
        rest = self.dispatch.take(10**6, 10**6, lambda c: c not in self.unwanted)
        assert Counter(rest) == Counter(self.wanted())


TestDispatching = Dispatching.TestCase
