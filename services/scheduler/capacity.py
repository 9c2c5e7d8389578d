"""How much the workers can take, as they say themselves, and how much of that is this scheduler's.

All schedulers hand out to the same workers: each says what it wants, and takes a fair share.
"""

import time

from eventjob.bus.roles.announcements import BELIEVED_FOR_S
from eventjob.contracts.announcements import ProjectedTo, SchedulerAlive, WorkerAlive, WorkKind
from eventjob.domain.dispatch import fair_share


class WorkerCapacity:
    """The workers, and the schedulers beside ``me``, that were heard of within the last seconds."""

    def __init__(self, me: str = "") -> None:
        self._me = me
        self._heard: dict[str, tuple[float, WorkerAlive]] = {}
        self._others: dict[str, tuple[float, SchedulerAlive]] = {}

    def hear(self, announcement: WorkerAlive) -> bool:
        """Note a worker's word; whether it changes what can be handed out."""
        known = self._heard.get(announcement.worker)
        self._heard[announcement.worker] = (time.monotonic(), announcement)
        return known is None or known[1] != announcement

    def hear_other(self, announcement: SchedulerAlive) -> None:
        """Note another scheduler's word."""
        if announcement.scheduler != self._me:
            self._others[announcement.scheduler] = (time.monotonic(), announcement)

    def capacity(self, kind: WorkKind) -> int:
        """The tasks of this kind that all workers together can have of this scheduler."""
        oldest = time.monotonic() - BELIEVED_FOR_S
        self._heard = {w: heard for w, heard in self._heard.items() if heard[0] > oldest}
        self._others = {s: heard for s, heard in self._others.items() if heard[0] > oldest}
        total = sum(said.capacity for _, said in self._heard.values() if said.kind == kind)
        return fair_share(total, (said.wanted.get(kind, 0) for _, said in self._others.values()))


MOST_UNSEEN = 2000  # events; with more, a new job would not be seen for long


class ProjectionLag:
    """What is shown, as the projector announces it."""

    def __init__(self) -> None:
        self._sequence = 0
        self._heard_at = 0.0

    def hear(self, announcement: ProjectedTo) -> None:
        """Note how far the projection is."""
        self._sequence = announcement.sequence
        self._heard_at = time.monotonic()

    def are_behind(self, position: int) -> bool:
        """Whether starting more jobs would only make them wait longer for what is already done.

        Nobody waits for a projector that is gone, or of which nothing was heard yet.
        """
        if time.monotonic() - self._heard_at > BELIEVED_FOR_S:
            return False
        return position - self._sequence > MOST_UNSEEN
