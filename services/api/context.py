"""What the handlers stand on: the ports, and the few settings that change an answer."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Protocol

import msgspec
from fastapi import Depends, Request

from eventjob.projection.store import Store
from eventjob.runtime.disk_space import Space
from services.api.access.identify import Door
from services.api.ports import Commands, History, Projection

BASE_PATH = "/api/event-job"


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
    door: Door | None = None  # where API keys are in use
    max_body_bytes: int = 32 * 1024 * 1024
    follow_within: timedelta = timedelta(seconds=2)  # a write waits so long for the projection


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """All that an answer can come from."""

    commands: Commands
    history: History
    projection: Projection
    store: Store
    artifacts: ArtifactReader
    space: Space
    options: Options


async def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Here = Annotated[Context, Depends(_context)]
