"""What the api needs of the bus, so that its handlers can be read and tested without one."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Protocol

from eventjob.contracts.commands import FailBatches, GroupCommand
from eventjob.contracts.replies import Reply
from eventjob.domain.access import Caller
from eventjob.domain.recorded import Recorded


class Commands(Protocol):
    """Where commands go.

    Both methods raise `eventjob.bus.errors.Unavailable` where the command was not taken, and
    `eventjob.bus.errors.NoAnswer` where it is durable but nobody has decided it yet.
    """

    async def send(self, command: GroupCommand, *, group: str, caller: Caller) -> Reply:
        """The outcome of a command for one group."""

    async def send_to_all(self, command: FailBatches, *, caller: Caller) -> list[Reply]:
        """The outcomes of all partitions."""


class History(Protocol):
    """The event log, read."""

    async def read(self, group: str, n: int | None = None) -> list[Recorded]:
        """All events of a group, or those that concern its job ``n``, oldest first.

        Raises `eventjob.bus.errors.Unavailable`.
        """

    def read_with_jobs(self, group: str) -> AsyncGenerator[list[Recorded]]:
        """All events of a group and of all its jobs, oldest first, page by page; raises as `read`.

        Costs the size of the batch.
        """

    async def last_sequence(self) -> int:
        """The newest event's sequence; raises as `read`."""


class Projection(Protocol):
    """How far the projection has come, and who is alive, as announced on the bus."""

    async def reached(self, sequence: int, within: timedelta) -> bool:
        """Whether the projection reflects ``sequence``, waiting for it as long as ``within``."""

    def troubles(self) -> list[str]:
        """What is not as it should be: bus, scheduler or projector; empty when all is well."""

    async def parked(self) -> int:
        """How many messages nobody could handle; raises `eventjob.bus.errors.Unavailable`."""
