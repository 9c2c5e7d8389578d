"""Keeps programs running: what ends is started again, and all are stopped in order."""

import asyncio
import os
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress

import msgspec

from eventjob.runtime.lifecycle import EXIT_WRONG_USE, CannotStart, Stop
from eventjob.runtime.logs import Logger

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
WELL_AFTER_S = 10.0
MOST_EARLY_ENDS = 5
GRACE_S = 3.0  # for each place in the order: with three of them, 9 s in all
NOT_FOUND = 127  # as a shell says it


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be kept running."""

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    stops: int  # its place in the order; those with the same stop together


class Supervisor:
    """Starts programs anew whenever they end.

    Where that makes no sense it sets ``stop``, and ``failure`` says why: a program has ended with
    exit code 2, or five times in a row before all were ``settled``.

    The programs hold the reading end of a pipe whose writing end is here, so that they hear when
    this process is gone, however that came.
    """

    def __init__(self, stop: Stop, log: Logger) -> None:
        self.failure: CannotStart | None = None
        self.settled = False
        self._stop = stop
        self._log = log
        self._pipe = os.pipe()
        self._children: list[Child] = []
        self._keepers: list[asyncio.Task[None]] = []

    def start(self, programs: Iterable[Program]) -> None:
        """Start ``programs``, and keep them running; none where all is about to stop."""
        if self._stop.is_set():
            return
        for program in programs:
            child = Child(program, self._pipe[0], self._log)
            self._children.append(child)
            self._keepers.append(asyncio.create_task(self._keep(child)))

    def restart(self, name: str) -> None:
        """Ask what goes by this name to end; it is then started as after any end."""
        for child in self._children:
            if child.program.name == name:
                child.ask_to_end()

    async def stop(self) -> None:
        """End all, place by place: asked first, and killed after 3 s."""
        for keeper in self._keepers:
            keeper.cancel()
        if self._keepers:
            await asyncio.wait(self._keepers)
        for place in sorted({child.program.stops for child in self._children}):
            these = [child for child in self._children if child.program.stops == place]
            await asyncio.gather(*(child.end() for child in these))
        for end in self._pipe:
            os.close(end)

    async def _keep(self, child: "Child") -> None:
        ends = 0
        while True:
            started = time.monotonic()
            code = await child.run()
            ends = 1 if time.monotonic() - started >= WELL_AFTER_S else ends + 1
            if code == EXIT_WRONG_USE:
                self._give_up(f"{child.program.name} refused to start", EXIT_WRONG_USE)
                return
            if ends == MOST_EARLY_ENDS and not self.settled:
                self._give_up(f"{child.program.name} ended {ends} times, last with {code}")
                return
            await asyncio.sleep(min(FIRST_PAUSE_S * 2.0 ** min(ends - 1, 10), LONGEST_PAUSE_S))

    def _give_up(self, reason: str, exit_code: int = 1) -> None:
        self.failure = self.failure or CannotStart(reason, exit_code)
        self._stop.set()


class Child:
    """A program, and the process that it is at present."""

    def __init__(self, program: Program, parent_pipe: int, log: Logger) -> None:
        self.program = program
        self._parent_pipe = parent_pipe
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> int:
        """The exit code of one run; negative for a signal."""
        try:
            self._process = await self._started()
        except OSError as error:
            self._log.error("child.missing", child=self.program.name, reason=str(error))
            return NOT_FOUND
        pid = self._process.pid
        self._log.info("child.started", child=self.program.name, pid=pid)
        code = await self._process.wait()
        _sweep(pid)
        self._log.warning("child.ended", child=self.program.name, pid=pid, code=code)
        return code

    def ask_to_end(self) -> None:
        """SIGTERM, where it runs."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.terminate()

    async def end(self) -> None:
        """Its process is gone, and what that process has started."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        self.ask_to_end()
        try:
            async with asyncio.timeout(GRACE_S):
                await process.wait()
        except TimeoutError:
            self._log.warning("child.killed", child=self.program.name, pid=process.pid)
        _sweep(process.pid)
        await process.wait()

    async def _started(self) -> asyncio.subprocess.Process:
        """A process in a session of its own: Ctrl-C is for `up` alone, which stops all in order."""
        return await asyncio.create_subprocess_exec(
            *self.program.command,
            env={**self.program.environ, "EVENTJOB_PARENT_PIPE": str(self._parent_pipe)},
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=[self._parent_pipe],
            start_new_session=True,
        )


def _sweep(leader: int) -> None:
    """Kill all that is left of a session, its leader too."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
