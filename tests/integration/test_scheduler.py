"""The scheduler on a real server, with workers that take no time."""

import asyncio
import contextlib
from collections import Counter
from datetime import timedelta

import msgspec
import pytest
from fakes import MemoryBlobs, QuietLog

from eventjob.bus.commands import CommandSender
from eventjob.bus.connection import connect
from eventjob.bus.log import EventLog
from eventjob.bus.worker import Worker
from eventjob.contracts.base import Access, FileRef, JobError, JobSpec
from eventjob.contracts.commands import (
    DeleteBatch,
    FailBatches,
    RestartJob,
    SetBatchActive,
    SubmitBatch,
    SubmitJob,
)
from eventjob.contracts.replies import Accepted, Declined
from eventjob.contracts.work import (
    ArchiveBuilt,
    FetchSession,
    Report,
    SessionFetched,
    WorkFailed,
)
from eventjob.domain.retry import Policy
from services.scheduler.main import Scheduler

POLICY = Policy(first_pause=timedelta(milliseconds=20))
ZIP = FileRef(path="a.zip", sha256="0" * 64, size_bytes=1, media_type="application/zip")


def spec(name):
    parameters = msgspec.json.encode({"session": name, "url": f"https://talks.example/{name}"})
    return JobSpec(parameters=msgspec.Raw(parameters), host="talks.example", job_name=name)


def batch(batch_id, count):
    jobs = [spec(f"s{n}") for n in range(count)]
    return SubmitBatch(
        batch_id=batch_id, batch_name=batch_id, jobs=jobs, owner="ann", access=Access()
    )


async def instantly(task):
    where = {"group": task.group, "n": task.n, "attempt": task.attempt}
    if isinstance(task, FetchSession):
        return SessionFetched(**where, bundle="b" * 64, files=[])
    return ArchiveBuilt(**where, archive=ZIP)


class Machine:
    """Scheduler, workers and a client on one server, each with a connection of its own."""

    def __init__(self, url):
        self.url = url
        self.blobs = MemoryBlobs()
        self.log = QuietLog()
        self.stop = asyncio.Event()
        self.stack = contextlib.AsyncExitStack()

    async def connect(self, name):
        connection = await connect(self.url, name=name)
        self.stack.push_async_callback(connection.close)
        return connection

    async def __aenter__(self):
        self.connection = await self.connect("client")
        self.events = EventLog(self.connection)
        self.commands = await self.stack.enter_async_context(
            CommandSender(self.connection, self.blobs)
        )
        self.tasks = []
        return self

    async def __aexit__(self, *_):
        self.stop.set()
        await asyncio.wait_for(asyncio.gather(*self.tasks), 15)
        await self.stack.aclose()

    async def schedule(self):
        scheduler = Scheduler(await self.connect("scheduler"), self.blobs, POLICY, self.log)
        task = asyncio.create_task(scheduler.run(self.stop))
        self.tasks.append(task)
        wanted = self.log.events().count("scheduler.ready") + 1
        async with asyncio.timeout(15):
            while self.log.events().count("scheduler.ready") < wanted:
                await asyncio.sleep(0)
        return task

    async def work(self, handler=instantly, capacity=50):
        for kind in ("fetch", "archive"):
            worker = Worker(
                await self.connect(kind),
                name=f"{kind}-1",
                kind=kind,
                capacity=capacity,
                handler=handler,
                log=self.log,
            )
            self.tasks.append(asyncio.create_task(worker.run(self.stop)))

    async def send(self, command, group, actor="ann"):
        return await self.commands.send(command, group=group, actor=actor)

    async def until(self, wanted, within_s=20):
        """All events, once one of type ``wanted`` has been seen."""
        seen = []
        async with asyncio.timeout(within_s):
            async for stretch in self.events.follow(0):
                seen += stretch
                if any(type(record.event).__name__ == wanted for record in stretch):
                    return seen
        return seen


@pytest.fixture
async def machine(nats_server):
    async with Machine(nats_server.url) as machine:
        yield machine


def types(records):
    return Counter(type(record.event).__name__ for record in records)


async def test_a_batch_goes_all_the_way(machine):
    await machine.schedule()
    await machine.work()
    reply = await machine.send(batch("batch-one", 300), "b-one")
    assert isinstance(reply, Accepted)
    seen = types(await machine.until("BatchCompleted"))
    assert seen["JobFetched"] == seen["JobCompleted"] == 300
    assert seen["JobsAdded"] == 3


async def test_a_taken_id_is_a_conflict(machine):
    await machine.schedule()
    await machine.send(batch("batch-one", 1), "b-one")
    reply = await machine.send(batch("one", 1), "b-one")
    assert isinstance(reply, Declined)
    assert reply.code == "conflict"


async def test_a_failed_attempt_is_tried_again_and_the_last_one_ends_the_job(machine):
    async def broken(task):
        return WorkFailed(
            group=task.group,
            n=task.n,
            attempt=task.attempt,
            task="fetch",
            error=JobError(code="http_503", message="talks.example answered 503"),
            transient=True,
        )

    await machine.schedule()
    await machine.work(broken)
    job = SubmitJob(job_id="solo", job=spec("solo"), owner=None, access=Access())
    await machine.send(job, "j-solo")
    seen = await machine.until("JobFailed")
    assert types(seen)["AttemptFailed"] == 4
    assert seen[-1].event.error.code == "http_503"


async def test_a_paused_batch_starts_nothing_until_it_is_resumed(machine):
    await machine.schedule()
    await machine.send(batch("batch-one", 5), "b-one")
    await machine.send(SetBatchActive(batch_id="batch-one"), "b-one")
    await machine.work()
    await machine.send(batch("batch-two", 5), "b-two")
    seen = await machine.until("BatchCompleted")
    assert {r.group for r in seen if type(r.event).__name__ == "JobsStarted"} == {"b-two"}
    await machine.send(SetBatchActive(batch_id="batch-one", active=True), "b-one")
    async with asyncio.timeout(20):
        while types(await machine.events.read("b-one"))["BatchCompleted"] == 0:
            await machine.events.read("b-one")


async def test_a_deleted_batch_leaves_only_its_tombstone(machine):
    await machine.schedule()
    await machine.work()
    await machine.send(batch("batch-one", 5), "b-one")
    await machine.until("BatchCompleted")
    await machine.send(DeleteBatch(batch_id="batch-one"), "b-one")
    left = await machine.events.read("b-one")
    assert list(types(left)) == ["BatchDeleted"]
    assert await machine.events.read("b-one", 1) == left
    assert (await machine.send(batch("batch-one", 5), "b-one")).code == "conflict"


async def test_fail_all_counts_batches_and_leaves_other_people_alone(machine):
    await machine.schedule()
    await machine.send(batch("batch-one", 3), "b-one")
    await machine.send(batch("batch-two", 3), "b-two")
    dry = await machine.commands.send_to_all(FailBatches(dry_run=True), actor="ann")
    assert sum(reply.updated for reply in dry) == 2
    foreign = await machine.commands.send_to_all(FailBatches(), actor="bob")
    assert sum(reply.updated for reply in foreign) == 0
    done = await machine.commands.send_to_all(FailBatches(), actor="ann")
    assert sum(reply.updated for reply in done) == 2
    again = await machine.commands.send_to_all(FailBatches(), actor="ann")
    assert sum(reply.updated for reply in again) == 0
    assert types(await machine.events.read("b-one"))["BatchCompleted"] == 1


async def test_a_restarted_job_runs_again(machine):
    await machine.schedule()
    await machine.work()
    await machine.send(batch("batch-one", 1), "b-one")
    await machine.until("BatchCompleted")
    await machine.send(RestartJob(job_id="job-one.1"), "b-one")
    async with asyncio.timeout(20):
        while types(records := await machine.events.read("b-one", 1))["JobCompleted"] < 2:
            await asyncio.sleep(0)
    assert [r.event.attempt for r in records if type(r.event).__name__ == "JobCompleted"] == [1, 2]


async def test_a_killed_server_loses_nothing_and_doubles_nothing(machine, nats_server):
    await machine.schedule()
    await machine.work(capacity=20)
    await machine.send(batch("batch-one", 2000), "b-one")
    await machine.until("JobCompleted")
    nats_server.kill()
    nats_server.start()
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(Exception):
                seen = await machine.until("BatchCompleted", 30)
                break
    outcomes = Counter((r.group, r.n) for r in seen if type(r.event).__name__ == "JobCompleted")
    assert len(outcomes) == 2000
    assert set(outcomes.values()) == {1}


async def test_a_scheduler_that_is_replaced_in_the_middle_doubles_nothing(machine):
    first = await machine.schedule()
    await machine.work(capacity=20)
    await machine.send(batch("batch-one", 2000), "b-one")
    await machine.until("JobCompleted")
    machine.tasks.remove(first)
    while not first.done():  # nats-py's `wait_for` can swallow a cancel, in Python 3.11
        first.cancel()
        await asyncio.wait({first}, timeout=0.2)
    await machine.schedule()
    seen = await machine.until("BatchCompleted", 60)
    outcomes = Counter(r.n for r in seen if type(r.event).__name__ == "JobCompleted")
    assert len(outcomes) == 2000
    assert set(outcomes.values()) == {1}
    starts = Counter(
        s for r in seen if hasattr(r.event, "starts") for s in map(repr, r.event.starts)
    )
    assert set(starts.values()) == {1}


async def test_a_message_that_breaks_every_session_is_parked_and_the_rest_goes_on(machine):
    await machine.schedule()
    unknown = WorkFailed(
        group="b-never",
        n=7,
        attempt=1,
        task="fetch",
        error=JobError(code="x", message="x"),
        transient=True,
    )
    report = msgspec.json.encode(Report(outcomes=[unknown]))
    await machine.connection.jetstream.publish("rep.00", report)
    await machine.connection.jetstream.publish("cmd.03", b'{"type": "OfTomorrow"}')
    async with asyncio.timeout(30):
        while machine.log.events().count("message.parked") < 2:
            await asyncio.sleep(0)
    await machine.work()
    assert isinstance(await machine.send(batch("batch-one", 3), "b-one"), Accepted)
    assert types(await machine.until("BatchCompleted"))["JobCompleted"] == 3
    parked = await machine.connection.jetstream.stream_info("PARKED", subjects_filter=">")
    assert set(parked.state.subjects) == {"parked.rep.00", "parked.cmd.03"}
