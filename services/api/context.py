"""Dependencies of all operations: ports and options."""

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
    """Sends commands to the scheduler.

    Methods raise `eventjob.bus.errors.Unavailable` if the command was not stored, and
    `eventjob.bus.errors.NoAnswer` if it was stored but is not decided yet.
    """

    async def send(self, command: GroupCommand, *, group: str, caller: Caller) -> Reply:
        """Send a command for one group and return the reply."""

    async def send_to_all(self, command: FailBatches, *, caller: Caller) -> list[Reply]:
        """Send a command to every partition and return their replies."""


class History(Protocol):
    """Reads the event log."""

    async def read(self, group: str, n: int | None = None) -> list[RecordedEvent]:
        """Return all events of a group, or those about its job ``n``, oldest first.

        Raises `eventjob.bus.errors.Unavailable`.
        """

    def read_with_jobs(self, group: str) -> AsyncGenerator[list[RecordedEvent]]:
        """Yield all events of a group and its jobs, oldest first, in pages. Raises as `read`."""

    async def last_sequence(self) -> int:
        """Return the newest event's sequence. Raises as `read`."""


class ServiceWatch(Protocol):
    """Tracks the services' announcements on the bus."""

    async def wait_until_reached(self, sequence: int, within: timedelta) -> bool:
        """Wait until the projection reflects ``sequence``; False after ``within``."""

    def find_troubles(self) -> list[str]:
        """List problems of bus, scheduler and projector; empty if all work."""

    async def count_parked(self) -> int:
        """Count the parked messages. Raises `eventjob.bus.errors.Unavailable`."""


class ArtifactReader(Protocol):
    """Reads artifacts by their sha256.

    Methods raise `eventjob.artifacts.store.ArtifactMissing` and
    `eventjob.artifacts.store.ArtifactsUnavailable`.
    """

    async def get(self, sha256: str) -> bytes:
        """Return all bytes."""

    def stream(self, sha256: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` to ``end``, which is exclusive."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Settings that operations use."""

    host: str = "127.0.0.1"
    is_open: bool = False  # EVENTJOB_ANONYMOUS=full: a caller without a name may do everything
    key_policy: KeyPolicy | None = None  # None: API keys are not in use
    max_body_bytes: int = 32 * 1024 * 1024
    projection_wait: timedelta = timedelta(seconds=2)  # a write then answers 202


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Ports and options, passed to every operation."""

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


ContextDep = Annotated[Context, Depends(_context)]
