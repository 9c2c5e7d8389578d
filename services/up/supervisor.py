"""Keep programs running: restart each that ends, and stop all in order."""

import asyncio
import os
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress

import msgspec

from eventjob.runtime.lifecycle import EXIT_WRONG_USE, CannotStart, Stop
from eventjob.runtime.logs import Logger

FIRST_PAUSE_S = 0.1  # doubled after each end
MAX_PAUSE_S = 5.0
STABLE_AFTER_S = 10.0  # of running, earlier ends no longer count
MAX_EARLY_ENDS = 5
GRACE_S = 3.0  # for each step of the order: 9 s for three
NOT_FOUND = 127  # as in a shell


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A program to keep running."""

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    stop_order: int  # programs with the same number stop together


class Supervisor:
    """Restarts programs whenever they end.

    It gives up when one exits with code 2, or ends five times in a row before ``is_settled``. Then
    it sets ``stop`` and ``failure``.
    """

    def __init__(self, stop: Stop, log: Logger) -> None:
        self.failure: CannotStart | None = None
        self.is_settled = False
        self._stop = stop
        self._log = log
        # children hold the reading end, so they notice any end of this process
        self._pipe = os.pipe()
        self._children: list[Child] = []
        self._keepers: list[asyncio.Task[None]] = []

    def start(self, programs: Iterable[Program]) -> None:
        """Start ``programs`` and keep them running, unless already stopping."""
        if self._stop.is_set():
            return
        for program in programs:
            child = Child(program, self._pipe[0], self._log)
            self._children.append(child)
            self._keepers.append(asyncio.create_task(self._keep_running(child)))

    def restart(self, name: str) -> None:
        """Ask a program to end; it is then started again."""
        for child in self._children:
            if child.program.name == name:
                child.terminate()

    async def stop(self) -> None:
        """Stop all programs in order; each is killed after 3 s."""
        for keeper in self._keepers:
            keeper.cancel()
        if self._keepers:
            await asyncio.wait(self._keepers)
        for order in sorted({child.program.stop_order for child in self._children}):
            children = [child for child in self._children if child.program.stop_order == order]
            await asyncio.gather(*(child.end() for child in children))
        for end in self._pipe:
            os.close(end)

    async def _keep_running(self, child: "Child") -> None:
        ends = 0
        while True:
            started = time.monotonic()
            code = await child.run()
            ends = 1 if time.monotonic() - started >= STABLE_AFTER_S else ends + 1
            # a wrong setting stays wrong: restarting is useless
            if code == EXIT_WRONG_USE:
                self._give_up(f"{child.program.name} refused to start", EXIT_WRONG_USE)
                return
            if ends == MAX_EARLY_ENDS and not self.is_settled:
                self._give_up(f"{child.program.name} ended {ends} times, last with {code}")
                return
            await asyncio.sleep(min(FIRST_PAUSE_S * 2.0 ** min(ends - 1, 10), MAX_PAUSE_S))

    def _give_up(self, reason: str, exit_code: int = 1) -> None:
        self.failure = self.failure or CannotStart(reason, exit_code)
        self._stop.set()


class Child:
    """A program and its current process."""

    def __init__(self, program: Program, parent_pipe: int, log: Logger) -> None:
        self.program = program
        self._parent_pipe = parent_pipe
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> int:
        """Run the program once and return its exit code; negative for a signal."""
        try:
            self._process = await self._spawn()
        except OSError as error:
            self._log.error("child.missing", child=self.program.name, reason=str(error))
            return NOT_FOUND
        pid = self._process.pid
        self._log.info("child.started", child=self.program.name, pid=pid)
        code = await self._process.wait()
        _kill_session(pid)
        self._log.warning("child.ended", child=self.program.name, pid=pid, code=code)
        return code

    def terminate(self) -> None:
        """Send SIGTERM if the process runs."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.terminate()

    async def end(self) -> None:
        """Stop the process and everything it has started."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        self.terminate()
        try:
            async with asyncio.timeout(GRACE_S):
                await process.wait()
        except TimeoutError:
            self._log.warning("child.killed", child=self.program.name, pid=process.pid)
        _kill_session(process.pid)
        await process.wait()

    async def _spawn(self) -> asyncio.subprocess.Process:
        """Start a process in its own session: Ctrl-C reaches `up` alone, which stops in order."""
        return await asyncio.create_subprocess_exec(
            *self.program.command,
            env={**self.program.environ, "EVENTJOB_PARENT_PIPE": str(self._parent_pipe)},
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=[self._parent_pipe],
            start_new_session=True,
        )


def _kill_session(leader: int) -> None:
    """Kill all processes left in a session."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
