"""What services tell each other in passing, on core NATS: nothing breaks if one is lost."""

from typing import Literal

from eventjob.contracts.base import Message

WorkKind = Literal["fetch", "archive"]


class WorkerAlive(Message, frozen=True, kw_only=True):
    """A worker takes tasks of this kind, ``capacity`` at a time; 0 says goodbye."""

    worker: str
    kind: WorkKind
    capacity: int


class SchedulerAlive(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A scheduler decides; ``ready`` once it has caught up after its start.

    ``partitions`` are those that it owns; a scheduler that does not say so owns all. ``wanted`` is
    how many tasks of each kind it has with workers, or would hand out if they took them.
    """

    scheduler: str
    ready: bool
    partitions: list[str] | None = None
    wanted: dict[str, int] = {}


class ProjectedTo(Message, frozen=True, kw_only=True):
    """The projection reflects all events up to ``sequence``; ``stopped`` names a fault."""

    sequence: int
    stopped: str | None = None


Announcement = WorkerAlive | SchedulerAlive | ProjectedTo
