"""What services tell each other in passing, on core NATS: nothing breaks if one is lost."""

from typing import Literal

from eventjob.contracts.base import Message

WorkKind = Literal["fetch", "archive"]


class WorkerAlive(Message, frozen=True, kw_only=True):
    """A worker takes tasks of this kind, ``capacity`` at a time; 0 says goodbye."""

    worker: str
    kind: WorkKind
    capacity: int


class SchedulerAlive(Message, frozen=True, kw_only=True):
    """The scheduler decides; ``ready`` once it has caught up after its start."""

    scheduler: str
    ready: bool


class ProjectedTo(Message, frozen=True, kw_only=True):
    """The projection reflects all events up to ``sequence``; ``stopped`` names a fault."""

    sequence: int
    stopped: str | None = None


Announcement = WorkerAlive | SchedulerAlive | ProjectedTo
