"""Choose the next jobs: round-robin over batches, FIFO within one, a limit for each host.

A lane is a queue that is served in turn: a batch, or all single jobs of one owner. Queues are
changed in place, since a batch has up to 20,000 jobs.
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
    """Return how many of ``capacity`` slots one host may use: three quarters, at least one."""
    # A slow host must leave slots for the others.
    return max(1, capacity * 3 // 4)


def fair_share(capacity: int, others: Iterable[int]) -> int:
    """Return one scheduler's part of ``capacity``, given the demands of the ``others``.

    A demand below the even share leaves the rest to larger ones. Schedulers learn of changed
    demands late: until then a few tasks too many may wait for a worker.
    """
    left, claims = capacity, sorted(others)
    for index, wanted in enumerate(claims):
        left -= min(wanted, left // (len(claims) - index + 1))
    return left


class Lane:
    """Queued jobs of one lane in order of arrival; jobs of busy hosts can be skipped."""

    def __init__(self) -> None:
        self.count = 0
        # By host: skipping a busy host then costs one step instead of one per job.
        self._queues: dict[str, deque[tuple[int, Candidate]]] = {}
        self._heads: list[tuple[int, str]] = []  # a heap: each host's first arrival

    def __bool__(self) -> bool:
        return bool(self._heads)

    def append(self, arrival: int, candidate: Candidate) -> None:
        """Add a job at the end; ``arrival`` grows from call to call."""
        queue = self._queues.setdefault(candidate.host, deque())
        if not queue:
            heapq.heappush(self._heads, (arrival, candidate.host))
        queue.append((arrival, candidate))
        self.count += 1

    def pop(
        self, is_busy: Callable[[str], bool], wanted: Callable[[Candidate], bool]
    ) -> Candidate | None:
        """Remove and return the first wanted job of an idle host; drop unwanted jobs."""
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
    """Ready jobs by lane, and the number of running sessions by host."""

    def __init__(self) -> None:
        self._lanes: OrderedDict[str, Lane] = OrderedDict()
        self._paused: dict[str, Lane] = {}
        self._running: Counter[str] = Counter()
        self._arrivals = itertools.count()

    def add(self, lane: str, candidate: Candidate) -> None:
        """Add a job at the end of its lane."""
        queue = self._paused.get(lane)
        if queue is None:
            queue = self._lanes.setdefault(lane, Lane())
        queue.append(next(self._arrivals), candidate)

    def pause(self, lane: str) -> None:
        """Hold back this lane's jobs until `resume`."""
        if lane not in self._paused:
            self._paused[lane] = self._lanes.pop(lane, Lane())

    def resume(self, lane: str) -> None:
        """Serve a paused lane again."""
        if queue := self._paused.pop(lane, None):
            self._lanes[lane] = queue

    @property
    def ready_count(self) -> int:
        """Number of ready jobs, including unwanted ones."""
        return sum(lane.count for lane in self._lanes.values())

    def count_start(self, host: str) -> None:
        """Count a session of this host as running."""
        self._running[host] += 1

    def count_end(self, host: str) -> None:
        """Count a session of this host as ended."""
        self._running[host] -= 1
        if self._running[host] <= 0:
            del self._running[host]

    def take_jobs(
        self, free: int, share: int, is_wanted: Callable[[Candidate], bool]
    ) -> list[Candidate]:
        """Remove up to ``free`` jobs, one per lane in turn, for the caller to start and count.

        A lane without a startable job keeps its turn, or it could starve behind busy hosts.

        Args:
            free: number of free worker slots.
            share: maximum number of running sessions per host.
            is_wanted: False for a queued job that need not start any more; it is dropped.
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
