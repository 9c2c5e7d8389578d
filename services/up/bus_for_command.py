"""A bus for one command: the configured server, that of a running `up`, or a temporary one."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from eventjob.runtime.lifecycle import CannotStart, Stop
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Settings, read_settings
from services.up import nats_server
from services.up.data_folder import FolderTaken, lock_folder
from services.up.main import wait_until
from services.up.nats_server import ServerAddress
from services.up.supervisor import Supervisor

SERVER_TIMEOUT_S = 10.0


@asynccontextmanager
async def reach_bus(
    settings: Settings, environ: Mapping[str, str], stop: Stop
) -> AsyncGenerator[Settings]:
    """Yield settings with a reachable bus.

    That is the configured server, or that of the `up` that runs on the data folder. If none runs,
    one is started on the folder, which stays locked meanwhile.

    Args:
        settings: as read from ``environ``.
        environ: inherited by a server that is started.
        stop: ends the wait for a server.

    Raises:
        CannotStart: the folder has no event log, or no server answers.
    """
    if settings.nats.url is not None:
        yield settings
        return
    folder = settings.data_dir / "nats"
    # else a mistyped folder would give an empty deployment
    if not (folder / nats_server.STREAMS).is_dir():
        raise CannotStart(f"there is no event log in data folder {settings.data_dir}")
    async with AsyncExitStack() as stack:
        try:
            stack.enter_context(lock_folder(settings.data_dir))
        # locked: an `up` runs there, and its server can be used
        except FolderTaken as reason:
            server = await _find_running(folder, reason, stop)
        else:
            server = await stack.enter_async_context(_start_server(folder, environ, stop))
        yield read_settings({**environ, **server.settings()})


@asynccontextmanager
async def start_own_bus(
    settings: Settings, environ: Mapping[str, str], stop: Stop
) -> AsyncGenerator[Settings]:
    """Yield settings as `reach_bus`, for an empty folder too; `CannotStart` if it is in use."""
    if settings.nats.url is not None:
        yield settings
        return
    with lock_folder(settings.data_dir):
        async with _start_server(settings.data_dir / "nats", environ, stop) as server:
            yield read_settings({**environ, **server.settings()})


async def _find_running(folder: Path, reason: FolderTaken, stop: Stop) -> ServerAddress:
    """Return the server of the process that uses the folder; it may be starting."""

    async def is_answering() -> bool:
        try:
            return await nats_server.read_server(folder).is_answering()
        except CannotStart:  # its configuration is being written
            return False

    try:
        async with asyncio.timeout(SERVER_TIMEOUT_S):
            await wait_until(is_answering, stop)
    except TimeoutError:
        raise CannotStart(f"{reason}, whose nats-server does not answer") from reason
    return nats_server.read_server(folder)


@asynccontextmanager
async def _start_server(
    folder: Path, environ: Mapping[str, str], stop: Stop
) -> AsyncGenerator[ServerAddress]:
    server = nats_server.configure_server(folder, environ.get("PATH"))
    supervisor = Supervisor(stop, get_logger("nats-server"))
    try:
        supervisor.start([server.program(environ)])
        await wait_until(server.is_answering, stop)
        yield server
    finally:
        await supervisor.stop()
        if supervisor.failure is not None:
            raise supervisor.failure
