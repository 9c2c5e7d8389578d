"""The agenda: jobs ready to start, tasks to hand out, tasks out, and timers.

All of it follows from the groups' states, so a restart rebuilds it by folding. It reads no clock.
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

QueueName = Literal["fetch", "archive", "zip"]
QUEUES: dict[WorkKind, tuple[QueueName, ...]] = {"fetch": ("fetch",), "archive": ("archive", "zip")}
ZIP_SHARE = 8  # of so many archiving tasks one may be a batch's ZIP, which takes minutes
_STEPS: dict[QueueName, type[Fetching | Zipping | ZipBuilding]] = {
    "fetch": Fetching,
    "archive": Zipping,
    "zip": ZipBuilding,
}


class TaskKey(msgspec.Struct, frozen=True):
    """Identifies a task; ``n`` 0 is a batch's ZIP."""

    kind: WorkKind
    group: str
    n: int
    attempt: int

    @property
    def queue(self) -> QueueName:
        """The queue that the task waits in; the ZIPs of batches have one of their own."""
        return self.kind if self.n else "zip"


class DueTask(msgspec.Struct, frozen=True, order=True):
    """A timer: for a retry that may start, or for a task with an overdue report."""

    at: datetime
    what: Literal["retry", "fetch", "archive"]
    group: str
    n: int
    attempt: int


class Agenda:
    """Schedules the work of all groups; told of each change of a job's or ZIP's state."""

    def __init__(self, get_group: Callable[[str], Group]) -> None:
        self._get_group = get_group
        self._dispatch = Dispatch()
        self._due: list[DueTask] = []
        names = [name for names in QUEUES.values() for name in names]
        self._queue: dict[QueueName, deque[TaskKey]] = {name: deque() for name in names}
        self._out: dict[QueueName, set[TaskKey]] = {name: set() for name in names}

    def apply_job_change(
        self, group: Group, n: int, host: str, before: JobState | None, after: JobState | None
    ) -> None:
        """Apply a state change of job ``n``: None before its creation and after its removal."""
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

    def apply_zip_change(self, group: Group, before: ZipState) -> None:
        """Apply the start or end of a batch's ZIP."""
        after = group.zip
        if before == after:
            return
        if isinstance(before, ZipBuilding):
            self._out["zip"].discard(TaskKey("archive", group.id, 0, before.attempt))
        if isinstance(after, ZipBuilding):
            task = TaskKey("archive", group.id, 0, after.attempt)
            self._queue["zip"].append(task)
            self.expect_archive(task, after.deadline)

    def pause(self, group: Group) -> None:
        """Stop starting jobs of the batch."""
        self._dispatch.pause(lane(group))

    def resume(self, group: Group) -> None:
        """Start jobs of the batch again."""
        self._dispatch.resume(lane(group))

    def note_tasks_out(self, kind: WorkKind, listed: Collection[TaskKey], until: datetime) -> None:
        """Mark tasks listed on the bus after a restart as out; tasks of ended attempts are ignored.

        An archiver that works on one has until ``until``.
        """
        for queue in QUEUES[kind]:
            # memory may know of a later attempt than the task on the bus
            running = [task for task in self._queue[queue] if self._is_running(task)]
            self._queue[queue] = deque(task for task in running if task not in listed)
            self._out[queue].update(task for task in running if task in listed)
        if kind == "archive":
            for task in self._out[kind]:
                self.expect_archive(task, until)

    def pick_starts(self, capacity: int) -> list[Candidate]:
        """Return the waiting jobs to start now, as many as the processors can take."""
        # start only what a worker can take now, so that pausing and deleting work at once
        free = capacity - len(self._out["fetch"]) - len(self._queue["fetch"])
        return self._dispatch.take_jobs(free, host_share(capacity), self._is_waiting)

    def pick_tasks(self, kind: WorkKind, capacity: int) -> list[TaskKey]:
        """Return the tasks to hand out now, and count them as out."""
        if kind == "fetch":
            return self._pick_from("fetch", capacity)
        zips = self._pick_from("zip", -(-capacity // ZIP_SHARE))
        return [*zips, *self._pick_from("archive", capacity)]

    def _pick_from(self, queue: QueueName, capacity: int) -> list[TaskKey]:
        waiting, out = self._queue[queue], self._out[queue]
        tasks: list[TaskKey] = []
        while waiting and len(out) < capacity:
            task = waiting.popleft()
            if self._is_running(task):
                out.add(task)
                tasks.append(task)
        return tasks

    def expect_archive(self, task: TaskKey, deadline: datetime) -> None:
        """Set an archiving task's deadline, which counts from when it was handed out."""
        heapq.heappush(self._due, DueTask(deadline, "archive", task.group, task.n, task.attempt))

    def count_out(self, kind: WorkKind) -> int:
        """Return the number of tasks that workers have."""
        return len(self._out[kind])

    def count_wanted(self, kind: WorkKind) -> int:
        """Return the number of tasks that are out, or would be with enough workers."""
        known = sum(len(self._out[queue]) + len(self._queue[queue]) for queue in QUEUES[kind])
        return known + self._dispatch.ready_count if kind == "fetch" else known

    def next_due(self) -> datetime | None:
        """Return when the next timer expires."""
        return self._due[0].at if self._due else None

    def pop_overdue(self, now: datetime, limit: int) -> list[DueTask]:
        """Return at most ``limit`` overdue tasks; retries that are due become ready."""
        lost: list[DueTask] = []
        while self._due and self._due[0].at <= now and len(lost) < limit:
            due = heapq.heappop(self._due)
            if due.what == "retry":
                self._retry(due)
            # timers are never cancelled: one that no longer applies is skipped here
            elif self._is_running(TaskKey(due.what, due.group, due.n, due.attempt)):
                lost.append(due)
        return lost

    def _retry(self, due: DueTask) -> None:
        group = self._get_group(due.group)
        state = group.job(due.n)
        if isinstance(state, Waiting) and state.attempt == due.attempt:
            host = group.hosts[due.n - 1]
            candidate = Candidate(due.group, due.n, due.attempt, host)
            self._dispatch.add(lane(group), candidate)

    def _is_waiting(self, candidate: Candidate) -> bool:
        state = self._get_group(candidate.group).job(candidate.n)
        return isinstance(state, Waiting) and state.attempt == candidate.attempt

    def _is_running(self, task: TaskKey) -> bool:
        group = self._get_group(task.group)
        state = group.job(task.n) if task.n else group.zip
        return isinstance(state, _STEPS[task.queue]) and state.attempt == task.attempt


def lane(group: Group) -> str:
    """Return the dispatch lane of a group's jobs: its batch, or its owner's lone jobs."""
    return group.id if is_batch(group.id) else f"j:{group.owner or ''}"
