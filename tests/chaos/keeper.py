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
from typing import Self

LOOK_EVERY_S = 0.1
PAUSE_S = 0.3  # between an end and the next start
# a service that starts while the bus is away waits some seconds, says so, and ends
AWAY = ("no NATS server answers at",)


class Kept:
    """A program, and the process that it is at present."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self.name, self.log = log.stem, log
        self.process: subprocess.Popen[bytes] | None = None
        self.is_held = False  # it is not started
        self.due = 0.0
        self._command, self._environ = command, environ

    @property
    def is_there(self) -> bool:
        return self.process is not None and self.process.poll() is None

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


class Keeper:
    """``with Keeper() as keeper``: what ends is started again, until the end."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self.alone: list[str] = []  # how processes ended that were not killed
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
            if kept.is_there:
                kept.process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    kept.process.wait(5)
                end_group(kept.process)
                kept.process.wait()
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
            if not kept.is_there:
                return False
            self._killed.add(kept.process.pid)
            kept.process.kill()
            kept.process.wait()
            return True

    def hold(self, name: str, seconds: float) -> bool:
        """Kill it, and leave it so for a while."""
        self.kept[name].is_held = True
        was_there = self.kill(name)
        time.sleep(seconds)
        self.kept[name].is_held = False
        return was_there

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
        if kept.is_there:
            return
        if kept.process is not None:
            self._note(kept, kept.process)
            kept.process = None
            kept.due = time.monotonic() + PAUSE_S
        if not kept.is_held and time.monotonic() >= kept.due:
            kept.start(self._pipe[0])

    def _note(self, kept: Kept, process: "subprocess.Popen[bytes]") -> None:
        end_group(process)
        if process.pid in self._killed:
            return
        said = "\n".join(kept.log.read_text(errors="replace").splitlines()[-3:])
        if process.returncode == 1 and any(reason in said for reason in AWAY):
            self.waited_in_vain[kept.name] += 1
        else:
            self.alone.append(f"{kept.name} ended by itself with {process.returncode}: {said}")


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill it, and what it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
