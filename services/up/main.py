"""`eventjob up`: start everything in order, report readiness, and stop in order."""

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
from services.up.address import Address, find_free_address
from services.up.data_folder import lock_folder
from services.up.nats_server import ServerAddress
from services.up.supervisor import Program, Supervisor

CHECK_EVERY_S = 0.05
REPORT_EVERY_S = 10.0
STOP_FIRST, STOP_SECOND = 0, 1  # the nats-server, which all need, stops after these


async def run(settings: Settings, environ: Mapping[str, str], stop: Stop) -> None:
    """Run all of eventjob until ``stop``.

    Args:
        settings: as read from ``environ``.
        environ: inherited by the services.
        stop: ends it.

    Raises:
        CannotStart: the folder or the address is in use, or a program does not keep running.
    """
    with lock_folder(settings.data_dir):
        address = find_free_address(settings.host, settings.port)
        print_line(f"starting eventjob, which takes some seconds (data in {settings.data_dir})")
        supervisor = Supervisor(stop, get_logger("up"))
        background: list[asyncio.Task[None]] = []
        try:
            bus = await _start_bus(supervisor, settings, environ, stop)
            if bus is not None and not stop.is_set():
                # before the services: most of their users may not create streams
                await provision({**environ, **bus.settings()})
            overrides = {
                "EVENTJOB_DATA_DIR": str(settings.data_dir),
                "EVENTJOB_PORT": f"{address.port}",
                "EVENTJOB_INSTANCE": settings.instance or _instance_name(settings.data_dir),
            }
            if bus is not None:
                restarts = nats_server.restart_when_stuck(
                    bus, supervisor, settings.min_free_bytes, get_logger("up"), stop
                )
                background.append(asyncio.create_task(restarts))
            supervisor.start(_list_programs(settings.processors, {**environ, **overrides}, bus))
            if await _wait_until_ready(address, stop):
                supervisor.is_settled = True
                print_line(f"eventjob is ready at {address.url} (data in {settings.data_dir})")
            await stop.wait()
        finally:
            await cancel_and_wait(*background)
            await supervisor.stop()
    if supervisor.failure is not None:
        raise supervisor.failure


async def _start_bus(
    supervisor: Supervisor, settings: Settings, environ: Mapping[str, str], stop: Stop
) -> nats_server.NatsServer | None:
    """Start the bus and wait for it, unless another server is configured."""
    if settings.nats.url is not None:
        return None
    server = nats_server.configure_server(settings.data_dir / "nats", environ.get("PATH"))
    supervisor.start([server.program(environ)])
    await wait_until(server.is_answering, stop)
    return server


async def _wait_until_ready(address: Address, stop: Stop) -> bool:
    """Wait for the api, logging every 10 s what it waits for; False if stopped."""
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(REPORT_EVERY_S):
                return await wait_until(address.is_ready, stop)
        get_logger("up").warning("up.waiting", reason=await address.find_problem())


def _instance_name(data_dir: Path) -> str:
    """Return a constant name, so that a restarted process is recognised by its leases."""
    identity = f"{socket.gethostname()} {data_dir}"
    return f"up-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


async def wait_until(check: Callable[[], Awaitable[bool]], stop: Stop) -> bool:
    """Wait until ``check`` is true; False if ``stop`` comes first."""
    while not stop.is_set():
        if await check():
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(CHECK_EVERY_S):
                await stop.wait()
    return False


def _list_programs(
    processors: int, environ: Mapping[str, str], bus: ServerAddress | None
) -> list[Program]:
    names = ["api", "projector", "scheduler", "archiver", *["processor"] * processors]
    return [
        Program(
            name=name,
            command=build_command(name),
            environ=environ if bus is None else {**environ, **bus.settings(name)},
            stop_order=STOP_FIRST if name == "api" else STOP_SECOND,
        )
        for name in names
    ]


def build_command(name: str) -> tuple[str, ...]:
    """Return the command line that runs an eventjob command; may raise `CannotStart`."""
    script = Path(sys.executable).with_name("eventjob")
    if not script.exists():
        raise CannotStart(f"the eventjob command is not installed: {script} is not there")
    return (sys.executable, str(script), name)


async def provision(environ: Mapping[str, str]) -> None:
    """Run `eventjob provision` to its end; raise `CannotStart` if it fails."""
    process = await asyncio.create_subprocess_exec(
        *build_command("provision"),
        env={**environ, "EVENTJOB_PARENT_PIPE": ""},  # empty: it ends by itself
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
        raise CannotStart("could not create the JetStream streams and buckets")
