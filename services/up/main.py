"""Starts everything in order, says when it is ready, and stops it in order."""

import asyncio
import hashlib
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

from eventjob.runtime.async_tasks import cancel_and_wait
from eventjob.runtime.command_output import print_line
from eventjob.runtime.lifecycle import CannotStart, Stop
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Settings
from services.up import nats_server
from services.up.address import Address, free_address
from services.up.data_folder import locked
from services.up.nats_server import ServerAddress
from services.up.supervisor import Program, Supervisor

LOOK_EVERY_S = 0.05
PATIENCE_S = 10.0
STOPS_FIRST, STOPS_NEXT = 0, 1  # the server that they all need stops after them


async def run(settings: Settings, environ: Mapping[str, str], stop: Stop) -> None:
    """All of eventjob, until ``stop``.

    Args:
        settings: as read from ``environ``.
        environ: what the services inherit.
        stop: ends it.

    Raises:
        CannotStart: the folder or the address is taken, or a program does not stay up.
    """
    with locked(settings.data_dir):
        address = free_address(settings.host, settings.port)
        supervisor = Supervisor(stop, get_logger("up"))
        chores: list[asyncio.Task[None]] = []
        try:
            bus = await _bus(supervisor, settings, environ, stop)
            if bus is not None and not stop.is_set():
                await provision({**environ, **bus.settings()})
            chosen = {
                "EVENTJOB_DATA_DIR": str(settings.data_dir),
                "EVENTJOB_PORT": f"{address.port}",
                "EVENTJOB_INSTANCE": settings.instance or _instance(settings.data_dir),
            }
            if bus is not None:
                minding = nats_server.mind(
                    bus, supervisor, settings.min_free_bytes, get_logger("up"), stop
                )
                chores.append(asyncio.create_task(minding))
            supervisor.start(_services(settings.processors, {**environ, **chosen}, bus))
            if await _until_ready(address, stop):
                supervisor.settled = True
                print_line(f"eventjob is ready at {address.url} (data in {settings.data_dir})")
            await stop.wait()
        finally:
            await cancel_and_wait(*chores)
            await supervisor.stop()
    if supervisor.failure is not None:
        raise supervisor.failure


async def _bus(
    supervisor: Supervisor, settings: Settings, environ: Mapping[str, str], stop: Stop
) -> nats_server.NatsServer | None:
    """The bus, once it is there; None where it is another's."""
    if settings.nats.url is not None:
        return None
    server = nats_server.prepare(settings.data_dir / "nats", environ.get("PATH"))
    supervisor.start([server.program(environ)])
    await wait_until(server.answers, stop)
    return server


async def _until_ready(address: Address, stop: Stop) -> bool:
    """False where ``stop`` comes first. Whoever waits is told why, every 10 s."""
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                return await wait_until(address.is_ready, stop)
        get_logger("up").warning("up.waiting", reason=await address.trouble())


def _instance(data_dir: Path) -> str:
    """The same each time, so that what is started again is known at once as who it was."""
    place = f"{socket.gethostname()} {data_dir}"
    return f"up-{hashlib.sha256(place.encode()).hexdigest()[:12]}"


async def wait_until(check: Callable[[], Awaitable[bool]], stop: Stop) -> bool:
    """True once ``check`` is; False where ``stop`` comes first."""
    while not stop.is_set():
        if await check():
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_S):
                await stop.wait()
    return False


def _services(
    processors: int, environ: Mapping[str, str], bus: ServerAddress | None
) -> list[Program]:
    names = ["api", "projector", "scheduler", "archiver", *["processor"] * processors]
    return [
        Program(
            name=name,
            command=command(name),
            environ=environ if bus is None else {**environ, **bus.settings(name)},
            stops=STOPS_FIRST if name == "api" else STOPS_NEXT,
        )
        for name in names
    ]


def command(name: str) -> tuple[str, ...]:
    """How a command of eventjob is started.

    Raises:
        CannotStart: eventjob is not installed.
    """
    script = Path(sys.executable).with_name("eventjob")
    if not script.exists():
        raise CannotStart(f"the eventjob command is not installed: {script} is not there")
    return (sys.executable, str(script), name)


async def provision(environ: Mapping[str, str]) -> None:
    """Returns once `eventjob provision` has ended.

    Raises:
        CannotStart: it could not do its work, and has said why.
    """
    process = await asyncio.create_subprocess_exec(
        *command("provision"),
        env={**environ, "EVENTJOB_PARENT_PIPE": ""},  # it ends by itself
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    if code:
        raise CannotStart("what lasts on the bus could not be made")
