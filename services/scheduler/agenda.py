"""What the scheduler has to do: which jobs are ready, which tasks are out, what time brings.

All of it follows from the groups' states; a restart builds it by folding. No clock of its own.
"""

import heapq
from collections import deque
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Literal

import msgspec

from eventjob.contracts.announcements import WorkKind
from eventjob.domain.batch import Group, ZipBuilding, ZipState
from eventjob.domain.dispatch import Candidate, Dispatch, host_share
from eventjob.domain.ids import is_batch
from eventjob.domain.job import Fetching, JobState, Waiting, Zipping

Line = Literal["fetch", "archive", "zip"]
LINES: dict[WorkKind, tuple[Line, ...]] = {"fetch": ("fetch",), "archive": ("archive", "zip")}
ZIP_SHARE = 8  # one in so many archiving tasks may be a batch's ZIP


class TaskKey(msgspec.Struct, frozen=True):
    """A task that is to be handed out, or is out; with ``n`` 0, a batch's ZIP."""

    kind: WorkKind
    group: str
    n: int
    attempt: int

    @property
    def line(self) -> "Line":
        """Where it stands in line: the ZIPs of batches take long, and wait for each other."""
        return self.kind if self.n else "zip"


class DueTask(msgspec.Struct, frozen=True, order=True):
    """What time brings: an attempt that may start, or a task that nobody reported in time."""

    at: datetime
    what: Literal["retry", "fetch", "archive"]
    group: str
    n: int
    attempt: int


class Agenda:
    """Kept true by `moved`, which hears of every change of a job's state."""

    def __init__(self, find: Callable[[str], Group]) -> None:
        self._find = find
        self._dispatch = Dispatch()
        self._due: list[DueTask] = []
        lines = [line for lines in LINES.values() for line in lines]
        self._queue: dict[Line, deque[TaskKey]] = {line: deque() for line in lines}
        self._out: dict[Line, set[TaskKey]] = {line: set() for line in lines}

    def moved(
        self, group: Group, n: int, host: str, before: JobState | None, after: JobState | None
    ) -> None:
        """Note that job ``n`` went from one state to another; None is before it came, or after."""
        if before is after:
            return
        if isinstance(before, Fetching):
            self._out["fetch"].discard(TaskKey("fetch", group.id, n, before.attempt))
            self._dispatch.count_end(host)
        elif isinstance(before, Zipping):
            self._out["archive"].discard(TaskKey("archive", group.id, n, before.attempt))
        match after:
            case Waiting(due=None):
                self._dispatch.add(lane(group), Candidate(group.id, n, after.attempt, host))
            case Waiting(due=due) if due is not None:
                heapq.heappush(self._due, DueTask(due, "retry", group.id, n, after.attempt))
            case Fetching():
                self._dispatch.count_start(host)
                self._queue["fetch"].append(TaskKey("fetch", group.id, n, after.attempt))
                heapq.heappush(
                    self._due, DueTask(after.deadline, "fetch", group.id, n, after.attempt)
                )
            case Zipping():
                self._queue["archive"].append(TaskKey("archive", group.id, n, after.attempt))
            case _:
                return

    def zip_moved(self, group: Group, before: ZipState) -> None:
        """Note that the building of the batch's ZIP began or ended."""
        after = group.zip
        if before == after:
            return
        if isinstance(before, ZipBuilding):
            self._out["zip"].discard(TaskKey("archive", group.id, 0, before.attempt))
        if isinstance(after, ZipBuilding):
            errand = TaskKey("archive", group.id, 0, after.attempt)
            self._queue["zip"].append(errand)
            self.expect_archive(errand, after.deadline)

    def pause(self, group: Group) -> None:
        """Start no further job of the batch."""
        self._dispatch.pause(lane(group))

    def resume(self, group: Group) -> None:
        """Start jobs of the batch again."""
        self._dispatch.resume(lane(group))

    def found_out(self, kind: WorkKind, found: Collection[TaskKey], until: datetime) -> None:
        """Tasks found with the workers after a restart need not be handed out.

        Those of attempts that are over do not count; an archiver has until ``until``.
        """
        for line in LINES[kind]:
            running = [errand for errand in self._queue[line] if self._is_running(errand)]
            self._queue[line] = deque(errand for errand in running if errand not in found)
            self._out[line].update(errand for errand in running if errand in found)
        if kind == "archive":
            for errand in self._out[kind]:
                self.expect_archive(errand, until)

    def starts(self, capacity: int) -> list[Candidate]:
        """The waiting jobs that start now, as many as the processors can take."""
        free = capacity - len(self._out["fetch"]) - len(self._queue["fetch"])
        return self._dispatch.take_jobs(free, host_share(capacity), self._is_waiting)

    def errands(self, kind: WorkKind, capacity: int) -> list[TaskKey]:
        """The tasks to hand out now, counted as out from here on."""
        if kind == "fetch":
            return self._pick("fetch", capacity)
        zips = self._pick("zip", -(-capacity // ZIP_SHARE))
        return [*zips, *self._pick("archive", capacity)]

    def _pick(self, line: Line, capacity: int) -> list[TaskKey]:
        queue, out = self._queue[line], self._out[line]
        picked: list[TaskKey] = []
        while queue and len(out) < capacity:
            errand = queue.popleft()
            if self._is_running(errand):
                out.add(errand)
                picked.append(errand)
        return picked

    def expect_archive(self, errand: TaskKey, deadline: datetime) -> None:
        """An archiver has until ``deadline``, reckoned from when it was asked."""
        heapq.heappush(
            self._due, DueTask(deadline, "archive", errand.group, errand.n, errand.attempt)
        )

    def out(self, kind: WorkKind) -> int:
        """How many tasks are with the workers."""
        return len(self._out[kind])

    def wanted(self, kind: WorkKind) -> int:
        """How many tasks of this kind are out, or could be if there were workers enough."""
        known = sum(len(self._out[line]) + len(self._queue[line]) for line in LINES[kind])
        return known + self._dispatch.ready_count if kind == "fetch" else known

    def next_due(self) -> datetime | None:
        """When time brings something next."""
        return self._due[0].at if self._due else None

    def overdue(self, now: datetime, most: int) -> list[DueTask]:
        """At most ``most`` tasks whose time is up; retries that are due become ready by the way."""
        lost: list[DueTask] = []
        while self._due and self._due[0].at <= now and len(lost) < most:
            due = heapq.heappop(self._due)
            if due.what == "retry":
                self._retry(due)
            elif self._is_running(TaskKey(due.what, due.group, due.n, due.attempt)):
                lost.append(due)
        return lost

    def _retry(self, due: DueTask) -> None:
        group = self._find(due.group)
        state = group.job(due.n)
        if isinstance(state, Waiting) and state.attempt == due.attempt:
            host = group.hosts[due.n - 1]
            candidate = Candidate(due.group, due.n, due.attempt, host)
            self._dispatch.add(lane(group), candidate)

    def _is_waiting(self, candidate: Candidate) -> bool:
        state = self._find(candidate.group).job(candidate.n)
        return isinstance(state, Waiting) and state.attempt == candidate.attempt

    def _is_running(self, errand: TaskKey) -> bool:
        group = self._find(errand.group)
        state = group.job(errand.n) if errand.n else group.zip
        return isinstance(state, _STEPS[errand.line]) and state.attempt == errand.attempt


_STEPS: dict[Line, type[Fetching | Zipping | ZipBuilding]] = {
    "fetch": Fetching,
    "archive": Zipping,
    "zip": ZipBuilding,
}


def lane(group: Group) -> str:
    """The queue in which a group's jobs stand: a batch's own, or that of its owner's lone jobs."""
    return group.id if is_batch(group.id) else f"j:{group.owner or ''}"
