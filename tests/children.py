"""Small programs that call home, so that a test sees each start and each end of them."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.up.supervisor import Program

WITHIN_S = 10.0

# a line at the start; the connection ends with the process, however that ends
CALLS_HOME = """
import os, signal, socket, sys
home = socket.socket(socket.AF_UNIX)
home.connect(sys.argv[1])
home.sendall(f"{sys.argv[2]} {os.getpid()}\\n".encode())
"""
STAYS = CALLS_HOME + "signal.pause()"
IS_DEAF = CALLS_HOME.replace("home =", "signal.signal(signal.SIGTERM, signal.SIG_IGN); home =") + (
    "\nwhile True: signal.pause()"
)
FORKS = CALLS_HOME.replace("home =", "os.fork(); home =") + "signal.pause()"
HAS_A_PARENT = (
    CALLS_HOME
    + """
from eventjob.runtime.lifecycle import run_service
async def main(stop): await stop.wait()
sys.exit(run_service("child", main, parent_pipe=int(os.environ["EVENTJOB_PARENT_PIPE"])))
"""
)


class Home:
    """Hears from programs: ``(name, pid)`` at the start of each, the name at its end."""

    def __init__(self, address: Path) -> None:
        self.address = address
        self._started: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
        self._ended: asyncio.Queue[str] = asyncio.Queue()

    def program(self, name: str, code: str = STAYS, *, stop_order: int = 0) -> Program:
        command = (sys.executable, "-c", code, str(self.address), name)
        return Program(name=name, command=command, environ={}, stop_order=stop_order)

    async def start(self) -> tuple[str, int]:
        """The next start of a program."""
        return await asyncio.wait_for(self._started.get(), WITHIN_S)

    async def starts(self, count: int) -> dict[str, int]:
        return dict([await self.start() for _ in range(count)])

    async def end(self) -> str:
        """The next end of a program."""
        return await asyncio.wait_for(self._ended.get(), WITHIN_S)

    async def listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name, pid = (await reader.readline()).decode().split()
        self._started.put_nowait((name, int(pid)))
        await reader.read()
        writer.close()
        self._ended.put_nowait(name)


@asynccontextmanager
async def open_home(folder: Path) -> AsyncIterator[Home]:
    home = Home(folder / "home")
    async with await asyncio.start_unix_server(home.listen, home.address):
        yield home
