"""Restarts a nats-server that a full disk has made deaf.

A stream that could not be written takes nothing more until the server is restarted, even where
there is room again.
"""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

from eventjob.runtime.lifecycle import Stop
from eventjob.runtime.logs import Logger
from services.up.nats_server import NatsServer
from services.up.supervisor import Supervisor

LOOK_EVERY_S = 2.0
# said again with each message that is not stored: leases are renewed every second
SIGNS = (b"critical write error", b"failed to store a msg on stream")


async def mind(
    server: NatsServer, supervisor: Supervisor, min_free_bytes: int, log: Logger, stop: Stop
) -> None:
    """Restart the server where it says that it is stuck and the disk has room, until ``stop``."""
    seen = _size(server.log)
    while not stop.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_S):
                await stop.wait()
        said, seen = _news(server.log, seen)
        if not any(sign in said for sign in SIGNS):
            continue
        if shutil.disk_usage(server.config.parent).free >= min_free_bytes and not stop.is_set():
            log.warning("bus.restarted", reason="the disk was full, and has room again")
            supervisor.restart("nats-server")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _news(file: Path, seen: int) -> tuple[bytes, int]:
    """What was written behind ``seen``, and where that ends; all of a file that was begun anew."""
    try:
        with file.open("rb") as lines:
            lines.seek(seen if _size(file) >= seen else 0)
            return lines.read(), lines.tell()
    except FileNotFoundError:
        return b"", 0
