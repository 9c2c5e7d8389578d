"""What the handlers stand on: the ports, and the few settings that change an answer."""

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta
from typing import Annotated, Protocol

import msgspec
from fastapi import Depends, Request

from eventjob.contracts.commands import FailBatches, GroupCommand
from eventjob.contracts.replies import Reply
from eventjob.domain.access import Caller
from eventjob.domain.recorded_event import RecordedEvent
from eventjob.projection.store import Store
from eventjob.runtime.disk_space import DiskSpace
from services.api.access.authenticate import KeyPolicy


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

    async def read(self, group: str, n: int | None = None) -> list[RecordedEvent]:
        """All events of a group, or those that concern its job ``n``, oldest first.

        Raises `eventjob.bus.errors.Unavailable`.
        """

    def read_with_jobs(self, group: str) -> AsyncGenerator[list[RecordedEvent]]:
        """All events of a group and of all its jobs, oldest first, page by page; raises as `read`.

        Costs the size of the batch.
        """

    async def last_sequence(self) -> int:
        """The newest event's sequence; raises as `read`."""


class ServiceWatch(Protocol):
    """How far the projection has come, and who is alive, as announced on the bus."""

    async def wait_until_reached(self, sequence: int, within: timedelta) -> bool:
        """Whether the projection reflects ``sequence``, waiting for it as long as ``within``."""

    def find_troubles(self) -> list[str]:
        """What is not as it should be: bus, scheduler or projector; empty when all is well."""

    async def count_parked(self) -> int:
        """How many messages nobody could handle; raises `eventjob.bus.errors.Unavailable`."""


class ArtifactReader(Protocol):
    """Blobs by their sha256.

    Methods raise `eventjob.artifacts.store.ArtifactMissing` and
    `eventjob.artifacts.store.ArtifactsUnavailable`.
    """

    async def get(self, sha256: str) -> bytes:
        """The whole blob."""

    def stream(self, sha256: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The blob's bytes from ``start`` to before ``end``."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that handlers look at."""

    host: str = "127.0.0.1"
    open_door: bool = False  # EVENTJOB_ANONYMOUS=full
    door: KeyPolicy | None = None  # where API keys are in use
    max_body_bytes: int = 32 * 1024 * 1024
    follow_within: timedelta = timedelta(seconds=2)  # a write waits so long for the projection


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """All that an answer can come from."""

    commands: Commands
    history: History
    projection: ServiceWatch
    store: Store
    artifacts: ArtifactReader
    space: DiskSpace
    options: Options


async def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Here = Annotated[Context, Depends(_context)]
