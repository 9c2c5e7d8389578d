"""A processor and its pool alone on a bus, beside the bare cost of the same pages.

This process hands tasks out and hears the reports.
"""

import asyncio
import time
from typing import NamedTuple

import msgspec
import pytest
from adapter_pages import PLAIN
from bench_machine import open_bus, start_server, start_site, started
from client import page_jobs
from deployment import EVENTJOB, without_pauses
from process_tree import descendants
from processes import Processes, pss_mb

from eventjob.bus import subjects
from eventjob.bus.roles.backlog import prepare_partitions
from eventjob.bus.wire.connection import Connection
from eventjob.bus.wire.frames import acknowledge
from eventjob.bus.wire.publish import Outgoing, publish
from eventjob.bus.wire.pull import Pull, Source
from eventjob.contracts.work import FetchSession, Report, SessionFetched
from eventjob.domain.ids import format_job_id
from eventjob.runtime.clock import now
from eventjob.runtime.settings import read_settings

pytestmark = pytest.mark.bench
ROUNDS = 5
PAGES = 500
WARM_UP = 500
MANY_PAGES = 5_000
AT_ONCE = 500
WITHIN_S = 120.0


class Alone(NamedTuple):
    """A processor, and a site."""

    processes: Processes
    port: int
    runner: asyncio.Runner
    connection: Connection

    def work(self, name: str, count: int) -> float:
        """Pages per second, from the first task handed out until all sessions are stored."""
        return self.runner.run(self._work(name, count))

    async def _work(self, name: str, count: int) -> float:
        group = f"b-{name}"
        durable = subjects.scheduler_durable(subjects.token_of(group))
        pull = Pull(self.connection, [Source(subjects.REPORTS, durable)])
        await pull.open()
        tasks = self._tasks(group, name, count)
        began = time.perf_counter()
        for first in range(0, count, AT_ONCE):
            await publish(self.connection, tasks[first : first + AT_ONCE])
        done = 0
        async with asyncio.timeout(WITHIN_S):
            while done < count:
                await pull.set_demand(0, 200)
                taken = await pull.receive(200, 1.0)
                for delivery in taken:
                    report = msgspec.json.decode(delivery.data, type=Report)
                    assert all(isinstance(o, SessionFetched) for o in report.outcomes), report
                    done += len(report.outcomes)
                await acknowledge(self.connection.client, (d.reply for d in taken))
        took_s = time.perf_counter() - began
        await pull.close()
        return count / took_s

    def _tasks(self, group: str, name: str, count: int) -> list[Outgoing]:
        deadline = now() + read_settings({}).attempt_timeout
        return [
            Outgoing(
                subjects.task_subject("fetch", group, n, 1),
                msgspec.json.encode(
                    FetchSession(
                        job_id=format_job_id(group, n),
                        group=group,
                        n=n,
                        attempt=1,
                        deadline=deadline,
                        parameters=msgspec.Raw(msgspec.json.encode(job["parameters"])),
                    )
                ),
            )
            for n, job in enumerate(page_jobs(self.port, name, count), 1)
        ]

    def memory_mb(self) -> float:
        pid = self.processes.pid("processor")
        return pss_mb([pid, *descendants(pid)])


@pytest.fixture(scope="module")
def alone():
    """The processor with its usual 16 sessions at a time, and a site without robots.txt."""
    with started() as processes, asyncio.Runner() as runner:
        settings, port = start_server(processes), start_site(processes)
        place = {"EVENTJOB_DATA_DIR": str(processes.folder)}
        connection = runner.run(open_bus(settings))
        try:
            runner.run(prepare_partitions(connection))
            environ = settings | without_pauses(port) | place
            processes.start("processor", (str(EVENTJOB), "processor"), environ)
            found = Alone(processes, port, runner, connection)
            found.work("warmup", WARM_UP)
            yield found
        finally:
            runner.run(connection.close())


@pytest.mark.parametrize(
    ("kind", "name", "at_least"),
    [("adapter pages", "round", 150), ("pages that no adapter knows", PLAIN, None)],
)
def test_a_processor_and_its_pool(alone, table, kind, name, at_least):
    ours, bare = [], []
    for number in range(ROUNDS):
        ours.append(alone.work(f"{name}{number}", PAGES))
        arguments = (str(alone.port), f"{name}{number}", str(PAGES))
        bare.append(float(alone.processes.said("bare_pool.py", *arguments)))
    table.add(
        f"{kind}, one processor and its pool",
        ours,
        "pages/s",
        f"{PAGES} pages of 4 KB, 16 at a time, from the first task on until all are stored, fsync "
        "always; no pause between requests, no scheduler, no ZIP",
        at_least=at_least,
    )
    compared = "the same pages, fetcher and pool, 16 at a time, and nothing else"
    table.add("  fetched and read by a bare pool", bare, "pages/s", compared)
    table.add(
        "  the processor against that",
        [100 * one / other for one, other in zip(ours, bare, strict=True)],
        "%",
        "in turns; the site is a process of its own, on the same cores",
        at_least=90,
    )


def test_memory_does_not_grow(alone, table):
    before_mb = alone.memory_mb()
    alone.work("many", MANY_PAGES)
    table.add(
        f"memory of processor and pool, {MANY_PAGES:,} pages later",
        [100 * (alone.memory_mb() / before_mb - 1)],
        "%",
        f"PSS of the processor and its two parsing processes, more than the {before_mb:.0f} MB "
        "that they had before",
        at_most=5,
    )
