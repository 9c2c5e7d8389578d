"""The worker's loop on a real server: each way a handler can end, and what the broker hears."""

import asyncio

import msgspec
import pytest
from fakes import QuietLog

from eventjob.bus import subjects
from eventjob.bus.errors import Unavailable
from eventjob.bus.roles.backlog import prepare_partitions
from eventjob.bus.roles.worker import Worker
from eventjob.bus.wire.pull import Pull, Source
from eventjob.contracts.base import FileRef
from eventjob.contracts.work import BuildArchive, Report, SessionFetched
from eventjob.domain.ids import format_job_id
from eventjob.runtime.clock import now

GROUP = "b-work"


def task(n):
    return BuildArchive(
        job_id=format_job_id(GROUP, n),
        group=GROUP,
        n=n,
        attempt=1,
        deadline=now(),
        bundle="b" * 64,
    )


def outcome(n, files=()):
    return SessionFetched(group=GROUP, n=n, attempt=1, bundle="b" * 64, files=list(files))


@pytest.fixture
async def bench(connection):
    bench = Bench(connection)
    await prepare_partitions(connection)
    yield bench
    await bench.end()


class Bench:
    def __init__(self, connection):
        self.connection = connection
        self.log = QuietLog()
        self.stop = asyncio.Event()
        self.running = None

    def work(self, handler, capacity=4):
        worker = Worker(
            self.connection,
            name="w",
            kind="archive",
            capacity=capacity,
            handler=handler,
            log=self.log,
        )
        self.running = asyncio.create_task(worker.run(self.stop))

    async def end(self):
        self.stop.set()
        if self.running is not None:
            await asyncio.wait_for(self.running, 10)

    async def ask(self, *numbers):
        for n in numbers:
            subject = subjects.task_subject("archive", GROUP, n, 1)
            await self.connection.jetstream.publish(subject, msgspec.json.encode(task(n)))

    async def outcomes(self, count):
        """The first ``count`` outcomes that are reported, report by report."""
        durable = subjects.scheduler_durable(subjects.token_of(GROUP))
        pull = Pull(self.connection, [Source(subjects.REPORTS, durable)])
        await pull.open()
        reports = []
        async with asyncio.timeout(20):
            while sum(len(report.outcomes) for report in reports) < count:
                await pull.set_demand(0, 100)
                taken = await pull.receive(100, 1.0)
                reports += [msgspec.json.decode(d.data, type=Report) for d in taken]
        await pull.close()
        return reports

    async def left(self):
        return (await self.connection.jetstream.stream_info(subjects.TASKS)).state.messages


async def test_what_is_done_is_reported_and_then_acknowledged(bench):
    async def handler(task):
        return outcome(task.n)

    bench.work(handler)
    await bench.ask(*range(1, 31))
    reports = await bench.outcomes(30)
    assert sorted(o.n for report in reports for o in report.outcomes) == list(range(1, 31))
    async with asyncio.timeout(10):
        while await bench.left():
            await asyncio.sleep(0)


async def test_a_task_that_cannot_be_done_now_comes_back(bench):
    seen = []

    async def handler(task):
        seen.append(task.n)
        if len(seen) == 1:
            raise Unavailable("the disk is away", after=now() - now())
        return outcome(task.n)

    bench.work(handler)
    await bench.ask(1)
    await bench.outcomes(1)
    assert seen == [1, 1]


async def test_no_more_tasks_run_at_a_time_than_there_are_slots(bench):
    running, most, release = 0, 0, asyncio.Event()

    async def handler(task):
        nonlocal running, most
        running += 1
        most = max(most, running)
        if most == 4:
            release.set()
        await release.wait()
        running -= 1
        return outcome(task.n)

    bench.work(handler, capacity=4)
    await bench.ask(*range(1, 21))
    await bench.outcomes(20)
    assert most == 4


async def test_what_runs_when_the_worker_stops_is_handed_back_at_once(bench):
    begun = asyncio.Event()

    async def hanging(_task):
        begun.set()
        await asyncio.Event().wait()

    async def handler(task):
        return outcome(task.n)

    bench.work(hanging)
    await bench.ask(1)
    await asyncio.wait_for(begun.wait(), 10)
    await bench.end()
    bench.stop = asyncio.Event()
    bench.work(handler)
    await asyncio.wait_for(bench.outcomes(1), 10)  # long before the 30 s of ack_wait


async def test_a_message_that_is_no_task_is_parked(bench):
    async def handler(task):
        return outcome(task.n)

    bench.work(handler)
    subject = subjects.task_subject("archive", GROUP, 9, 1)
    await bench.connection.jetstream.publish(subject, b'{"type": "OfTomorrow"}')
    async with asyncio.timeout(10):
        while "task.parked" not in bench.log.events() or await bench.left():
            await asyncio.sleep(0)
    parked = await bench.connection.jetstream.get_last_msg(subjects.PARKED, f"parked.{subject}")
    assert parked.data == b'{"type": "OfTomorrow"}'
    assert "OfTomorrow" in parked.headers["Ej-Reason"]


async def test_reports_of_great_outcomes_are_cut_by_their_size(bench):
    url = "https://talks.example/" + "x" * 2000
    files = [
        FileRef(path=f"{n}.pdf", sha256="0" * 64, size_bytes=1, media_type="x/y", source_url=url)
        for n in range(100)
    ]
    ready = asyncio.Event()

    async def handler(task):
        if task.n == 40:
            ready.set()
        await ready.wait()
        return outcome(task.n, files)

    bench.work(handler, capacity=40)
    await bench.ask(*range(1, 41))
    reports = await bench.outcomes(40)
    assert len(reports) > 1
    assert all(len(msgspec.json.encode(report)) < 5 * 1024 * 1024 for report in reports)
