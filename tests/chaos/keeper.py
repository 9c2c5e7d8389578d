"""Keeps processes running as an operator's machine would, and remembers how each of them ended."""

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

LOOK_EVERY_S = 0.1
PAUSE_S = 0.3  # between an end and the next start
# whoever starts while the bus is away waits some seconds, says so, and leaves it to its keeper
AWAY = ("no NATS server answers at",)


class End(NamedTuple):
    """How a process ended that nobody had killed."""

    name: str
    code: int
    said: str  # the last lines of its log


class Kept:
    """A program, and the process that it is at present."""

    def __init__(
        self, name: str, command: Sequence[str], environ: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self.is_held = False  # nobody starts it
        self.due = 0.0
        self._command = command
        self._environ = environ

    def start(self, pipe: int) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                env={**self._environ, "EVENTJOB_PARENT_PIPE": str(pipe)},
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[pipe],
                start_new_session=True,
            )

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-3:])


class Keeper:
    """``with Keeper() as keeper``: what ends is started again, until the end."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self.alone: list[End] = []  # died by themselves
        self.waited_in_vain: Counter[str] = Counter()  # for a bus that was away when they started
        self._pipe = os.pipe()
        self._killed: set[int] = set()
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for kept in self.kept.values():
            self._end(kept)
        for end in self._pipe:
            os.close(end)

    def keep(self, *programs: Kept) -> None:
        for kept in programs:
            with self._lock:
                kept.start(self._pipe[0])
                self.kept[kept.name] = kept

    def kill(self, name: str) -> bool:
        """kill -9; whether there was such a process at this moment."""
        kept = self.kept[name]
        with self._lock:
            if kept.process is None or kept.process.poll() is not None:
                return False
            self._killed.add(kept.process.pid)
            kept.process.kill()
            kept.process.wait()
            return True

    def hold(self, name: str) -> bool:
        """Kill it, and leave it so until `release`."""
        self.kept[name].is_held = True
        return self.kill(name)

    def release(self, name: str) -> None:
        self.kept[name].is_held = False

    def freeze(self, name: str, seconds: float) -> bool:
        """It neither works nor ends for a while; whether it was there all the time."""
        process = self.kept[name].process
        if process is None or process.poll() is not None:
            return False
        process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            process.send_signal(signal.SIGCONT)
        return process.poll() is None

    def _watch(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            for kept in list(self.kept.values()):
                with self._lock:
                    self._look_at(kept)

    def _look_at(self, kept: Kept) -> None:
        process = kept.process
        if process is not None:
            if process.poll() is None:
                return
            self._note(kept, process)
            kept.process = None
            kept.due = time.monotonic() + PAUSE_S
        if not kept.is_held and time.monotonic() >= kept.due:
            kept.start(self._pipe[0])

    def _note(self, kept: Kept, process: "subprocess.Popen[bytes]") -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what it has started
        if process.pid in self._killed:
            return
        said = kept.tail()
        if process.returncode == 1 and any(reason in said for reason in AWAY):
            self.waited_in_vain[kept.name] += 1
        else:
            self.alone.append(End(kept.name, process.returncode, said))

    def _end(self, kept: Kept) -> None:
        if kept.process is None or kept.process.poll() is not None:
            return
        kept.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            kept.process.wait(5)
        with suppress(ProcessLookupError):
            os.killpg(kept.process.pid, signal.SIGKILL)
        kept.process.wait()
