"""The product without its workers: api, projector and scheduler as `up` starts them, on a server
that is set up as `up` does; a worker that answers at once takes their place on the bus.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from client import USER, connected
from deployment import eventually
from processes import Processes

from services.up import nats_server

SERVICES = ("api", "projector")
READY_WITHIN_S = 30.0
DONE_WITHIN_S = 120.0
READY = '"scheduler.ready"'
HERE = Path(__file__).parent
_EVERYBODY = "authorization { user: bench, password: bench }\n"
_FSYNC = "  sync_interval: always\n"


class Machine:
    """``with Machine() as machine``: ready for jobs, on free ports, in a folder of its own."""

    def __init__(self, *, fsync: bool = True, schedulers: int = 1) -> None:
        self.late = 0  # batches that were not visible when they were answered
        self._fsync = fsync
        self._schedulers = schedulers
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack as stack:
            temporary = tempfile.TemporaryDirectory(prefix="eventjob-bench-")
            self.folder = Path(stack.enter_context(temporary))
            self.processes = stack.enter_context(Processes(self.folder))
            self.environ = start_server(self.processes, self.folder, fsync=self._fsync)
            self.port = nats_server.free_port()
            self.environ |= {
                "EVENTJOB_PORT": str(self.port),
                "EVENTJOB_DATA_DIR": str(self.folder / "data"),
            }
            (self.folder / "data").mkdir()
            for name in SERVICES:
                self.start(name)
            for number in range(1, self._schedulers + 1):
                self.start("scheduler", "" if number == 1 else f"-{number}")
            self.client = stack.enter_context(connected(self.port))
            eventually("ready", READY_WITHIN_S, self.client.is_ready)
            for name in self.processes.names:
                if name.startswith("scheduler"):  # each has its share of the partitions
                    log = self.folder / f"{name}.log"
                    eventually(name, READY_WITHIN_S, lambda log=log: READY in log.read_text())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, service: str, suffix: str = "") -> None:
        """A service; the suffix tells apart several of one kind."""
        script = Path(sys.executable).with_name("eventjob")
        name = service + suffix
        environ = self.environ | {"EVENTJOB_INSTANCE": name}
        self.processes.start(name, (sys.executable, str(script), service), environ)

    def start_worker(self) -> subprocess.Popen[str]:
        """The worker; it prints when its first task has come."""
        command = (sys.executable, str(HERE / "instant_worker.py"))
        return self.processes.start("worker", command, self.environ)

    def run(self, name: str, body: bytes, count: int, user: str = USER) -> tuple[float, float]:
        """Seconds from sending a batch of ``count`` jobs until 201, and until all are completed.

        It is asked rarely at first, and often towards the end, so that asking disturbs little.
        """
        began = time.perf_counter()
        with connected(self.port) as client:
            created_s = self.post(name, body, user)
            while (batch := client.batch(name, user))["status"] != "completed":
                assert time.perf_counter() - began < DONE_WITHIN_S, batch
                time.sleep(0.01 + 0.1 * (count - batch["completed_jobs"]) / count)
            took_s = time.perf_counter() - began
            assert (batch["completed_jobs"], batch["total_jobs"]) == (count, count)
            assert client.total(f"batch_id={name}&status=completed", user) == count
            return created_s, took_s

    def post(self, name: str, body: bytes, user: str = USER) -> float:
        """Seconds until a batch is created and visible, be it that the answer was 202 before."""
        began = time.perf_counter()
        answer = self.client.post("/batches", body, user)
        if answer.status == 202:
            self.late += 1
            path = f"/batches/{name}"
            eventually(name, DONE_WITHIN_S, lambda: self.client.get(path, user).status == 200)
            return time.perf_counter() - began
        assert answer.status == 201, answer
        return time.perf_counter() - began

    def check_visible(self, name: str, count: int, user: str = USER) -> None:
        """Every read shows what a 201 has promised."""
        assert self.client.batch(name, user)["total_jobs"] == count
        assert self.client.total(f"batch_id={name}", user) == count


def start_server(processes: Processes, folder: Path, *, fsync: bool = True) -> dict[str, str]:
    """The environment for services that use a server of their own, which answers by now.

    They all are one user that may do everything: what stands in for a service is several.
    """
    server = nats_server.configure_server(folder / "nats", os.environ.get("PATH"))
    config, users, _ = server.config.read_text().partition("authorization {")
    assert users
    assert _FSYNC in config
    if not fsync:
        config = config.replace(_FSYNC, "")
    server.config.write_text(config + _EVERYBODY)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("EVENTJOB_")}
    program = server.program(inherited)
    processes.start("nats-server", program.command, program.environ)
    eventually("nats-server", READY_WITHIN_S, lambda: asyncio.run(server.answers()))
    user = {"EVENTJOB_NATS_USER": "bench", "EVENTJOB_NATS_PASSWORD": "bench"}
    return inherited | server.settings() | user
