"""All of `eventjob up`, and the sample site that it may fetch from without any pause."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from client import session_jobs
from deployment import Up, without_pauses
from process_tree import descendants
from processes import Processes, line_of, tree_cpu_s
from whole_machine import HERE


class Deployed(NamedTuple):
    """What is up, and the site."""

    up: Up
    site_port: int
    processes: Processes

    def post(self, name: str, count: int) -> None:
        """A batch of sessions of the site."""
        jobs = session_jobs(f"http://127.0.0.1:{self.site_port}", name, count)
        answer = self.up.post("/batches", {"batch_id": name, "jobs": jobs})
        assert answer.status in {201, 202}, answer.data[:300]

    def completed(self, name: str) -> int:
        """How many of a batch are done; none of them has failed."""
        answer = self.up.get(f"/batches/{name}")
        if answer.status == 404:  # it was accepted with 202
            return 0
        batch = answer.json["batch"]
        assert batch["failed_jobs"] == 0
        return batch["completed_jobs"]

    def cpu_s(self) -> dict[str, float]:
        """The CPU time that each service has used so far, with the processes under it."""
        return {
            service: sum(tree_cpu_s([pid, *descendants(pid)]) for pid in pids)
            for service, pids in self.up.children().items()
        }

    def program(self, script: str, *arguments: str) -> str:
        """The line that a script of the benchmarks prints."""
        line = line_of(self.processes.start(script, command(script, *arguments), environ()))
        self.processes.stop(script)
        return line


@contextmanager
def deployed() -> Iterator[Deployed]:
    """One processor with its usual 16 sessions at a time, one archiver, and the others."""
    with (
        TemporaryDirectory(prefix="eventjob-bench-") as folder,
        Processes(Path(folder)) as processes,
    ):
        site = processes.start("sample_site.py", command("sample_site.py"), environ())
        port = int(line_of(site))
        with Up(Path(folder), **without_pauses(port)) as up:
            yield Deployed(up, port, processes)


def command(script: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, str(HERE / script), *arguments)


def environ() -> dict[str, str]:
    """An environment in which a script finds what the tests share."""
    return {**os.environ, "PYTHONPATH": str(HERE.parent)}
