"""Processes of a benchmark's own, what they use, and their certain end."""

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

GRACE_S = 10.0
_TICKS_S = os.sysconf("SC_CLK_TCK")


class Processes:
    """``with Processes(folder) as processes``: named programs, all ended at the end.

    Each hears of the death of this process through a pipe, as the services under `up` do.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> Self:
        self._pipe = os.pipe()
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._running)[::-1]:
            self.stop(name)
        for end in self._pipe:
            os.close(end)

    def start(
        self, name: str, command: Sequence[str], environ: Mapping[str, str]
    ) -> subprocess.Popen[str]:
        """A program; its standard error goes to ``<name>.log``, its output is for the caller."""
        with (self._folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env={**environ, "EVENTJOB_PARENT_PIPE": str(self._pipe[0])},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=[self._pipe[0]],
                text=True,
            )
        self._running[name] = process
        return process

    @property
    def names(self) -> list[str]:
        return list(self._running)

    def process(self, name: str) -> subprocess.Popen[str]:
        return self._running[name]

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def stop(self, name: str) -> None:
        """Ask it to end, and wait; it is killed where it does not."""
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _close(process)

    def kill(self, name: str) -> None:
        """End it as a crash would."""
        process = self._running.pop(name)
        process.kill()
        process.wait()
        _close(process)

    def cpu_s(self) -> dict[str, float]:
        """The CPU time that each has used so far, user and system."""
        return {name: cpu_s(process.pid) for name, process in self._running.items()}


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line that it prints.

    Raises:
        EOFError: it has ended instead.
    """
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise EOFError(f"{process.args} said nothing; exit code {process.poll()}")
    return line


def cpu_s(pid: int) -> float:
    """User and system time of all threads of a process."""
    return sum(_times(pid)[:2]) / _TICKS_S


def tree_cpu_s(pids: Iterable[int]) -> float:
    """As `cpu_s` of all of these, and of those of their children that have ended."""
    return sum(sum(_times(pid)) for pid in pids) / _TICKS_S


def ended_cpu_ms(pid: int) -> int:
    """User and system time of those of its children that have ended."""
    return round(sum(_times(pid)[2:]) / _TICKS_S * 1000)


def pss_mb(pids: Iterable[int]) -> float:
    """The memory of these processes, in MB; shared pages are counted once."""
    return sum(map(_pss_kb, pids)) / 1024


def _times(pid: int) -> list[int]:
    """User and system ticks, its own and those of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return [int(field) for field in fields[11:15]]


def _pss_kb(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it has ended meanwhile
    line = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1])


def _close(process: subprocess.Popen[str]) -> None:
    if process.stdout is not None:
        process.stdout.close()
