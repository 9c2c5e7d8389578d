"""The bus of a deployment, for a command that is no part of it: found, or started for the while."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from eventjob.runtime.lifecycle import CannotStart, Stop
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Settings, read_settings
from services.up import nats_server
from services.up.data_folder import FolderTaken, locked
from services.up.main import wait_until
from services.up.nats_server import ServerAddress
from services.up.supervisor import Supervisor

ANSWERS_WITHIN_S = 10.0


@asynccontextmanager
async def borrowed_bus(
    settings: Settings, environ: Mapping[str, str], stop: Stop
) -> AsyncGenerator[Settings]:
    """The settings, and in them a bus that can be spoken to meanwhile.

    That is the one they name; or the server of the `up` that runs on the data folder; or, where
    none runs, one that is started on the folder, which is this process's own meanwhile.

    Args:
        settings: as read from ``environ``.
        environ: what a server that is started inherits.
        stop: ends the wait for a server.

    Raises:
        CannotStart: there is no event log in the folder, or no server answers.
    """
    if settings.nats.url is not None:
        yield settings
        return
    folder = settings.data_dir / "nats"
    if not (folder / nats_server.STREAMS).is_dir():
        raise CannotStart(f"there is no event log in data folder {settings.data_dir}")
    async with AsyncExitStack() as stack:
        try:
            stack.enter_context(locked(settings.data_dir))
        except FolderTaken as reason:
            server = await _of_another(folder, reason, stop)
        else:
            server = await stack.enter_async_context(_started(folder, environ, stop))
        yield read_settings({**environ, **server.settings()})


@asynccontextmanager
async def own_bus(
    settings: Settings, environ: Mapping[str, str], stop: Stop
) -> AsyncGenerator[Settings]:
    """As `borrowed_bus`, also on a folder that has no event log yet, but on nobody else's.

    Raises:
        CannotStart: an `up` has the folder, or no server answers.
    """
    if settings.nats.url is not None:
        yield settings
        return
    with locked(settings.data_dir):
        async with _started(settings.data_dir / "nats", environ, stop) as server:
            yield read_settings({**environ, **server.settings()})


async def _of_another(folder: Path, reason: FolderTaken, stop: Stop) -> ServerAddress:
    """The server of whoever has the folder; it may just be starting."""

    async def answers() -> bool:
        try:
            return await nats_server.prepared(folder).answers()
        except CannotStart:  # its configuration is just being written
            return False

    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            await wait_until(answers, stop)
    except TimeoutError:
        raise CannotStart(f"{reason}, whose nats-server does not answer") from reason
    return nats_server.prepared(folder)


@asynccontextmanager
async def _started(
    folder: Path, environ: Mapping[str, str], stop: Stop
) -> AsyncGenerator[ServerAddress]:
    server = nats_server.prepare(folder, environ.get("PATH"))
    supervisor = Supervisor(stop, get_logger("nats-server"))
    try:
        supervisor.start([server.program(environ)])
        await wait_until(server.answers, stop)
        yield server
    finally:
        await supervisor.stop()
        if supervisor.failure is not None:
            raise supervisor.failure
