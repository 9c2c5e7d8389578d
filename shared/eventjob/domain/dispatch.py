"""Who is next: fair between batches, first in first out within one, and no host fills the workers.

A lane is a queue that is served in turn: a batch, or all jobs of one owner that are in no batch.
No clock and no I/O; the queues are changed in place, since a batch has up to 20,000 jobs.
"""

import heapq
import itertools
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable

import msgspec


class Candidate(msgspec.Struct, frozen=True):
    """A job that may start now."""

    group: str
    n: int
    attempt: int
    host: str


def host_share(capacity: int) -> int:
    """How many of ``capacity`` sessions may be of one host: three quarters, at least one."""
    return max(1, capacity * 3 // 4)


def fair_share(capacity: int, others: Iterable[int]) -> int:
    """What of ``capacity`` one scheduler takes, beside others who want so many tasks each.

    Whoever wants less than an even share leaves the rest to those who want more. What one cannot
    use of its own share the others take only once it has said so: never less than they should,
    at most a few tasks more, which then wait for a worker.
    """
    left, claims = capacity, sorted(others)
    for index, wanted in enumerate(claims):
        left -= min(wanted, left // (len(claims) - index + 1))
    return left


class Lane:
    """The jobs of one lane, in order of arrival; those of a busy host can be passed over."""

    def __init__(self) -> None:
        self.count = 0
        self._queues: dict[str, deque[tuple[int, Candidate]]] = {}
        self._heads: list[tuple[int, str]] = []  # a heap: each host's first arrival

    def __bool__(self) -> bool:
        return bool(self._heads)

    def append(self, arrival: int, candidate: Candidate) -> None:
        """Put a job at the end; ``arrival`` grows from call to call."""
        queue = self._queues.setdefault(candidate.host, deque())
        if not queue:
            heapq.heappush(self._heads, (arrival, candidate.host))
        queue.append((arrival, candidate))
        self.count += 1

    def pop(
        self, is_busy: Callable[[str], bool], wanted: Callable[[Candidate], bool]
    ) -> Candidate | None:
        """The first wanted job whose host is not busy, or None; unwanted ones are dropped."""
        passed = []
        found = None
        while self._heads and found is None:
            head = heapq.heappop(self._heads)
            if is_busy(head[1]):
                passed.append(head)
                continue
            candidate = self._pop_from(head[1])
            if wanted(candidate):
                found = candidate
        for head in passed:
            heapq.heappush(self._heads, head)
        return found

    def _pop_from(self, host: str) -> Candidate:
        queue = self._queues[host]
        _, candidate = queue.popleft()
        self.count -= 1
        if queue:
            heapq.heappush(self._heads, (queue[0][0], host))
        else:
            del self._queues[host]
        return candidate


class Dispatch:
    """The jobs that are ready, and how many of each host are at work."""

    def __init__(self) -> None:
        self._lanes: OrderedDict[str, Lane] = OrderedDict()
        self._paused: dict[str, Lane] = {}
        self._running: Counter[str] = Counter()
        self._arrivals = itertools.count()

    def add(self, lane: str, candidate: Candidate) -> None:
        """Put a job at the end of its lane."""
        queue = self._paused.get(lane)
        if queue is None:
            queue = self._lanes.setdefault(lane, Lane())
        queue.append(next(self._arrivals), candidate)

    def pause(self, lane: str) -> None:
        """Start nothing of this lane until it is resumed."""
        if lane not in self._paused:
            self._paused[lane] = self._lanes.pop(lane, Lane())

    def resume(self, lane: str) -> None:
        """Let a paused lane take its turn again."""
        if queue := self._paused.pop(lane, None):
            self._lanes[lane] = queue

    @property
    def ready_count(self) -> int:
        """How many jobs are ready, those that nobody wants any more included."""
        return sum(lane.count for lane in self._lanes.values())

    def count_start(self, host: str) -> None:
        """Count a session of this host that is at work."""
        self._running[host] += 1

    def count_end(self, host: str) -> None:
        """A session of this host is over."""
        self._running[host] -= 1
        if self._running[host] <= 0:
            del self._running[host]

    def take_jobs(
        self, free: int, share: int, is_wanted: Callable[[Candidate], bool]
    ) -> list[Candidate]:
        """Return up to ``free`` jobs to start, one per lane in turn; the caller counts the starts.

        A lane that has nothing to give keeps its turn: else it could starve behind busy hosts.

        Args:
            free: how many the workers can start.
            share: how many of one host may be at work at a time.
            is_wanted: whether a job that was queued is still to start; others are dropped.
        """
        chosen: list[Candidate] = []
        passed: list[tuple[str, Lane]] = []
        running = self._running.copy()
        while self._lanes and len(chosen) < free:
            lane, queue = self._lanes.popitem(last=False)
            candidate = queue.pop(lambda host: running[host] >= share, is_wanted)
            if candidate is not None:
                running[candidate.host] += 1
                chosen.append(candidate)
                if queue:
                    self._lanes[lane] = queue
            elif queue:
                passed.append((lane, queue))
        for lane, queue in reversed(passed):
            self._lanes[lane] = queue
            self._lanes.move_to_end(lane, last=False)
        return chosen
