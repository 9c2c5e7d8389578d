"""What is measured, as it is deployed: all of `up`, or parts of it on a server of their own."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory

from client import USER, Client, connected
from deployment import EVENTJOB, eventually, without_pauses
from nats.js.api import StreamState
from nats_server import free_port
from processes import INHERITED, Processes, line_of

from eventjob.bus.wire.connection import Connection, connect
from services.up.nats_server import configure_server

READY_WITHIN_S = 30.0
DONE_WITHIN_S = 120.0
READY = '"scheduler.ready"'
_EVERYBODY = "authorization { user: bench, password: bench }\n"
_FSYNC = "  sync_interval: always\n"

Environ = dict[str, str]


class Machine:
    """An api, what is behind it, and a client."""

    def __init__(self, processes: Processes, environ: Environ, client: Client) -> None:
        self.processes, self.environ, self.client = processes, environ, client
        self.port = int(environ["EVENTJOB_PORT"])
        self.late = 0  # batches that were not visible when they were answered

    def start(self, service: str, suffix: str = "") -> None:
        """A service; the suffix tells apart several of one kind."""
        name = service + suffix
        environ = self.environ | {"EVENTJOB_INSTANCE": name}
        self.processes.start(name, (sys.executable, str(EVENTJOB), service), environ)

    def start_worker(self) -> Popen[str]:
        """The worker; it prints when its first task has come."""
        return self.processes.script("instant_worker.py", environ=self.environ)

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
        assert answer.status in {201, 202}, answer
        if answer.status == 202:
            self.late += 1
            path = f"/batches/{name}"
            eventually(name, DONE_WITHIN_S, lambda: self.client.get(path, user).status == 200)
        return time.perf_counter() - began

    def check_visible(self, name: str, count: int, user: str = USER) -> None:
        """Every read shows what a 201 has promised."""
        assert self.client.batch(name, user)["total_jobs"] == count
        assert self.client.total(f"batch_id={name}", user) == count


@contextmanager
def machine(*, fsync: bool = True, schedulers: int = 1) -> Iterator[Machine]:
    """The product without its workers: api, projector and scheduler as `up` starts them."""
    with started() as processes:
        environ = start_server(processes, fsync=fsync) | place(processes.folder)
        (processes.folder / "data").mkdir()
        with connected(int(environ["EVENTJOB_PORT"])) as client:
            machine = Machine(processes, environ, client)
            suffixes = ["", *(f"-{number}" for number in range(2, schedulers + 1))]
            machine.start("api")
            machine.start("projector")
            for suffix in suffixes:
                machine.start("scheduler", suffix)
            eventually("ready", READY_WITHIN_S, client.is_ready)
            for suffix in suffixes:  # each has its share of the partitions
                log = processes.folder / f"scheduler{suffix}.log"
                eventually(log.name, READY_WITHIN_S, lambda log=log: READY in log.read_text())
            yield machine


@contextmanager
def product(away_s: float = 0.0, **settings: str) -> Iterator[tuple[Machine, int]]:
    """All of `up`, and the port of a site that is fetched from without any pause."""
    with started() as processes:
        port = start_site(processes, away_s)
        environ = INHERITED | place(processes.folder) | without_pauses(port) | settings
        with connected(int(environ["EVENTJOB_PORT"])) as client:
            processes.start("up", (str(EVENTJOB), "up"), environ)
            eventually("ready", READY_WITHIN_S, client.is_ready)
            yield Machine(processes, environ, client), port


@contextmanager
def started() -> Iterator[Processes]:
    """Processes in a folder of their own."""
    with (
        TemporaryDirectory(prefix="eventjob-bench-") as folder,
        Processes(Path(folder)) as processes,
    ):
        yield processes


def place(folder: Path) -> Environ:
    return {"EVENTJOB_PORT": str(free_port()), "EVENTJOB_DATA_DIR": str(folder / "data")}


def start_site(processes: Processes, away_s: float = 0.0) -> int:
    """The port of a site whose answers take ``away_s``."""
    return int(line_of(processes.script("page_site.py", str(away_s))))


def start_server(processes: Processes, *, fsync: bool = True) -> Environ:
    """The environment for services that use a server of their own, which answers by now.

    They all are one user that may do everything: what stands in for a service is several.
    """
    server = configure_server(processes.folder / "nats", os.environ.get("PATH"))
    config, users, _ = server.config.read_text().partition("authorization {")
    assert users
    assert _FSYNC in config
    if not fsync:
        config = config.replace(_FSYNC, "")
    server.config.write_text(config + _EVERYBODY)
    program = server.program(INHERITED)
    processes.start("nats-server", program.command, program.environ)
    eventually("nats-server", READY_WITHIN_S, lambda: asyncio.run(server.is_answering()))
    user = {"EVENTJOB_NATS_USER": "bench", "EVENTJOB_NATS_PASSWORD": "bench"}
    return INHERITED | server.settings() | user


async def open_bus(environ: Environ) -> Connection:
    user, password = environ["EVENTJOB_NATS_USER"], environ["EVENTJOB_NATS_PASSWORD"]
    return await connect(environ["EVENTJOB_NATS_URL"], name="bench", user=user, password=password)


def states(environ: Environ, *streams: str) -> list[StreamState]:
    """How many messages each stream has, and how many bytes."""

    async def asked() -> list[StreamState]:
        connection = await open_bus(environ)
        try:
            return [(await connection.jetstream.stream_info(name)).state for name in streams]
        finally:
            await connection.close()

    return asyncio.run(asked())
