"""Worker capacity and projection lag, as announced on the bus.

All schedulers share the same workers: each announces its demand and takes a fair share.
"""

import time

from eventjob.bus.roles.announcements import BELIEVED_FOR_S
from eventjob.contracts.announcements import ProjectedTo, SchedulerAlive, WorkerAlive, WorkKind
from eventjob.domain.dispatch import fair_share

MAX_LAG_EVENTS = 2000  # beyond it, reads would trail new jobs by seconds


class WorkerCapacity:
    """Workers and other schedulers that announced themselves within the last seconds."""

    def __init__(self, own_name: str = "") -> None:
        self._own_name = own_name
        self._workers: dict[str, tuple[float, WorkerAlive]] = {}
        self._others: dict[str, tuple[float, SchedulerAlive]] = {}

    def note_worker(self, announcement: WorkerAlive) -> bool:
        """Record a worker's announcement; True if it changes what can be handed out."""
        known = self._workers.get(announcement.worker)
        self._workers[announcement.worker] = (time.monotonic(), announcement)
        return known is None or known[1] != announcement

    def note_scheduler(self, announcement: SchedulerAlive) -> None:
        """Record another scheduler's announcement; this scheduler's own is ignored."""
        if announcement.scheduler != self._own_name:
            self._others[announcement.scheduler] = (time.monotonic(), announcement)

    def capacity(self, kind: WorkKind) -> int:
        """Return how many tasks of this kind all workers may take from this scheduler."""
        # expiry by silence: a process that crashed announces no end
        oldest = time.monotonic() - BELIEVED_FOR_S
        self._workers = {w: seen for w, seen in self._workers.items() if seen[0] > oldest}
        self._others = {s: seen for s, seen in self._others.items() if seen[0] > oldest}
        total = sum(alive.capacity for _, alive in self._workers.values() if alive.kind == kind)
        return fair_share(total, (alive.wanted.get(kind, 0) for _, alive in self._others.values()))


class ProjectionLag:
    """The projection's position, as the projector announces it."""

    def __init__(self) -> None:
        self._sequence = 0
        self._heard_at = 0.0

    def note_position(self, announcement: ProjectedTo) -> None:
        """Record the last event that the documents reflect."""
        self._sequence = announcement.sequence
        self._heard_at = time.monotonic()

    def is_behind(self, position: int) -> bool:
        """True if jobs should wait for an active projector that lags too far behind."""
        # a silent projector delays reads only: jobs go on without it
        if time.monotonic() - self._heard_at > BELIEVED_FOR_S:
            return False
        return position - self._sequence > MAX_LAG_EVENTS
