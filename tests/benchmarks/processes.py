"""Processes of a benchmark's own, what they use, and their certain end."""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from deployment import inherited

GRACE_S = 10.0
HERE = Path(__file__).parent
INHERITED = inherited()
_TICKS_S = os.sysconf("SC_CLK_TCK")


class Processes:
    """``with Processes(folder) as processes``: named programs, all ended at the end.

    Each hears of the death of this process through a pipe, as the services under `up` do.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env={**environ, "EVENTJOB_PARENT_PIPE": str(self._pipe[0])},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=[self._pipe[0]],
                text=True,
            )
        self._running[name] = process
        return process

    def script(
        self, name: str, *arguments: str, environ: Mapping[str, str] = INHERITED
    ) -> subprocess.Popen[str]:
        """A script of this folder, which finds what the tests share."""
        command = (sys.executable, str(HERE / name), *arguments)
        return self.start(name, command, {**environ, "PYTHONPATH": f"{HERE.parent}:{HERE}"})

    def said(self, name: str, *arguments: str, environ: Mapping[str, str] = INHERITED) -> str:
        """The line that a script prints at its end."""
        line = line_of(self.script(name, *arguments, environ=environ))
        self.stop(name)
        return line

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def stop(self, name: str, *, kill: bool = False) -> None:
        """Ask it to end, and wait; it is killed at once, or where it does not end."""
        with self._running.pop(name) as process:
            (process.kill if kill else process.terminate)()
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()


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


def ended_cpu_ms(pid: int) -> int:
    """User and system time of those of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return round(sum(map(int, fields[13:15])) / _TICKS_S * 1000)


def pss_mb(pids: Iterable[int]) -> float:
    """The memory of these processes, in MB; shared pages are counted once."""
    used_kb = 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            used_kb += int(rollup.partition("\nPss:")[2].split()[0])
    return used_kb / 1024
