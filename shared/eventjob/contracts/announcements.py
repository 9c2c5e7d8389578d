"""Announcements between services. Losing one is harmless: each is repeated."""

from typing import Literal

from eventjob.contracts.base import Message

WorkKind = Literal["fetch", "archive"]


class WorkerAlive(Message, frozen=True, kw_only=True):
    """A worker takes ``capacity`` tasks of this kind at a time; 0 means that it is stopping."""

    worker: str
    kind: WorkKind
    capacity: int  # tasks go out only to free workers, so a pause or deletion recalls none


class SchedulerAlive(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A scheduler is running; ``ready`` is true once it has worked off its backlog.

    ``partitions`` are the ones that it owns; None means all of them. ``wanted`` counts, by kind,
    the tasks that are with workers or could be handed out.
    """

    scheduler: str
    ready: bool
    partitions: list[str] | None = None
    wanted: dict[str, int] = {}  # lets several schedulers divide the workers evenly


class ProjectedTo(Message, frozen=True, kw_only=True):
    """The projection reflects all events up to ``sequence``; ``stopped`` is the fault, if any."""

    sequence: int
    stopped: str | None = None


Announcement = WorkerAlive | SchedulerAlive | ProjectedTo
