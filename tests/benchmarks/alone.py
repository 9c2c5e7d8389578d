"""A processor alone on a bus of its own: this process hands tasks out and hears the reports."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec
from adapter_jobs import jobs
from deployed import command, environ
from deployment import without_pauses
from process_tree import descendants
from processes import Processes, line_of, pss_mb, tree_cpu_s
from whole_machine import start_server

from eventjob.bus import subjects
from eventjob.bus.roles.backlog import prepare_partitions
from eventjob.bus.wire.connection import Connection, connect
from eventjob.bus.wire.frames import acknowledge
from eventjob.bus.wire.publish import Outgoing, publish
from eventjob.bus.wire.pull import Pull, Source
from eventjob.contracts.work import FetchSession, Report, SessionFetched
from eventjob.domain.ids import format_job_id
from eventjob.runtime.clock import now
from eventjob.runtime.settings import read_settings

PROCESSOR = "processor_alone.py"
AT_ONCE = 500
WITHIN_S = 120.0


class Late(NamedTuple):
    """By how many milliseconds the event loop was late."""

    p99_ms: float
    most_ms: float
    looks: int


class Alone:
    """What is running."""

    def __init__(
        self, processes: Processes, port: int, runner: asyncio.Runner, connection: Connection
    ) -> None:
        self.processes = processes
        self.port = port
        self._runner = runner
        self._connection = connection

    def work(self, name: str, count: int) -> float:
        """Pages per second, from the first task handed out until all sessions are stored."""
        return self._runner.run(self._work(name, count))

    async def _work(self, name: str, count: int) -> float:
        group = f"b-{name}"
        durable = subjects.scheduler_durable(subjects.token_of(group))
        pull = Pull(self._connection, [Source(subjects.REPORTS, durable)])
        await pull.open()
        began = time.perf_counter()
        for first in range(0, count, AT_ONCE):
            tasks = self._tasks(group, name, count)[first : first + AT_ONCE]
            await publish(self._connection, tasks)
        done = 0
        async with asyncio.timeout(WITHIN_S):
            while done < count:
                await pull.set_demand(0, 200)
                taken = await pull.receive(200, 1.0)
                for delivery in taken:
                    report = msgspec.json.decode(delivery.data, type=Report)
                    assert all(isinstance(o, SessionFetched) for o in report.outcomes), report
                    done += len(report.outcomes)
                await acknowledge(self._connection.client, (d.reply for d in taken))
        took_s = time.perf_counter() - began
        await pull.close()
        return count / took_s

    def _tasks(self, group: str, name: str, count: int) -> list[Outgoing]:
        return [
            Outgoing(
                subjects.task_subject("fetch", group, n, 1),
                msgspec.json.encode(
                    FetchSession(
                        job_id=format_job_id(group, n),
                        group=group,
                        n=n,
                        attempt=1,
                        deadline=now() + read_settings({}).attempt_timeout,
                        parameters=msgspec.Raw(parameters),
                    )
                ),
            )
            for n, parameters in enumerate(jobs(self.port, name, count), 1)
        ]

    def late(self) -> Late:
        """How late the processor's event loop was since the last time that this was asked."""
        process = self.processes.process(PROCESSOR)
        os.kill(process.pid, signal.SIGUSR1)
        p99, most, looks = line_of(process).split()
        return Late(float(p99), float(most), int(looks))

    def pids(self) -> list[int]:
        """The processor and its pool."""
        pid = self.processes.pid(PROCESSOR)
        return [pid, *descendants(pid)]

    def memory_mb(self) -> float:
        return pss_mb(self.pids())

    def cpu_s(self) -> dict[str, float]:
        """The CPU time that each process has used so far; the pool's apart."""
        pid = self.processes.pid(PROCESSOR)
        used = {name: tree_cpu_s([self.processes.pid(name)]) for name in self.processes.names}
        return used | {"pool": tree_cpu_s(descendants(pid))}


@contextmanager
def alone() -> Iterator[Alone]:
    """The processor with its usual 16 sessions at a time, and a site without robots.txt."""
    with (
        TemporaryDirectory(prefix="eventjob-bench-") as folder,
        Processes(Path(folder)) as processes,
    ):
        settings = start_server(processes, Path(folder))
        port = int(line_of(processes.start("site", command("adapter_site.py"), environ())))
        environment = environ() | settings | without_pauses(port) | {"EVENTJOB_DATA_DIR": folder}
        with asyncio.Runner() as runner:
            connection = runner.run(_connected(settings))
            processes.start(PROCESSOR, command(PROCESSOR), environment)
            try:
                yield Alone(processes, port, runner, connection)
            finally:
                runner.run(connection.close())


async def _connected(settings: dict[str, str]) -> Connection:
    connection = await connect(
        settings["EVENTJOB_NATS_URL"],
        name="bench",
        user=settings["EVENTJOB_NATS_USER"],
        password=settings["EVENTJOB_NATS_PASSWORD"],
    )
    await prepare_partitions(connection)
    return connection
