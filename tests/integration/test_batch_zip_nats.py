"""The ZIP of a batch on a real server: scheduler and archiver as they are, pages of no web."""

import asyncio
from datetime import timedelta
from pathlib import PurePosixPath

import msgspec
import pytest
from machine import Machine, batch, types
from obstore.store import MemoryStore

from eventjob.artifacts.store import Artifacts
from eventjob.bus.roles import backlog
from eventjob.contracts.base import FileRef
from eventjob.contracts.commands import BuildBatchZip, DeleteBatch, DeleteJob
from eventjob.contracts.events import BatchZipBuilt, BatchZipFailed, BatchZipRequested
from eventjob.contracts.replies import Accepted
from eventjob.contracts.work import BatchPacked, Bundle, FetchSession, PackBatch, SessionFetched
from eventjob.domain.batch_content import BatchContent
from eventjob.domain.retry import Policy
from eventjob.runtime import clock
from services.archiver.handlers import ZipHandler

ASK = BuildBatchZip(batch_id="batch-one")


class Workshop:
    """A handler for all tasks; `gate` holds back the ZIPs of batches."""

    def __init__(self, machine, folder):
        self.artifacts = Artifacts(MemoryStore())
        self.archive = ZipHandler(
            artifacts=self.artifacts,
            events=machine.events,
            folder=folder,
            min_free_bytes=0,
            clock=clock.now,
            log=machine.log,
        )
        self.gate = asyncio.Event()
        self.gate.set()
        self.packing = asyncio.Event()
        self.packs = 0

    async def __call__(self, task):
        if isinstance(task, FetchSession):
            return await self._fetch(task)
        if isinstance(task, PackBatch):
            self.packs += 1
            self.packing.set()
            await self.gate.wait()
        return await self.archive(task)

    async def _fetch(self, task):
        path = PurePosixPath(f"E/T/talk-{task.n}.md")
        file = FileRef(
            path=f"{path}",
            sha256=await self.artifacts.put(path.stem.encode()),
            size_bytes=len(path.stem),
            media_type="text/markdown",
        )
        bundle = Bundle(
            title=path.stem,
            event="E",
            track="T",
            target_dir="E/T",
            asset_dir=f"E/T/{path.stem}",
            archive_filename=f"{path.stem}.zip",
            markdown_file=f"{path}",
            files=[file],
            web_text="",
            structured_data=msgspec.Raw(b"{}"),
        )
        sha256 = await self.artifacts.put(msgspec.json.encode(bundle))
        where = {"group": task.group, "n": task.n, "attempt": task.attempt}
        return SessionFetched(**where, bundle=sha256, files=[file])


@pytest.fixture
def workshop(machine, tmp_path):
    return Workshop(machine, tmp_path)


async def begin(machine, workshop):
    """All are at work, and a batch is done; the scheduler."""
    scheduler = await machine.schedule()
    await machine.work(workshop)
    await machine.send(batch("batch-one", 5), "b-one")
    await machine.until("BatchCompleted")
    return scheduler


async def ask_and_hold(machine, workshop):
    """The ZIP is asked for, and begun, and not finished before the gate opens."""
    workshop.gate.clear()
    await ask(machine)
    await asyncio.wait_for(workshop.packing.wait(), 30)


async def ask(machine):
    reply = await machine.send(ASK, "b-one")
    assert isinstance(reply, Accepted), reply


async def zip_events(machine):
    kinds = (BatchZipRequested, BatchZipBuilt, BatchZipFailed)
    return [r.event for r in await machine.events.read("b-one") if isinstance(r.event, kinds)]


async def no_task_is_out(machine):
    async with asyncio.timeout(20):
        while await backlog.list_tasks_out(machine.connection):
            await asyncio.sleep(0)


async def test_a_zip_is_built_from_what_the_log_says(machine, workshop):
    await begin(machine, workshop)
    await machine.send(DeleteJob(job_id="job-one.2"), "b-one")
    await ask(machine)
    await machine.until("BatchZipBuilt")
    requested, built = await zip_events(machine)
    assert (requested.attempt, built.attempt) == (1, 1)
    content = BatchContent()
    async for stretch in machine.events.read_with_jobs("b-one"):
        for record in stretch:
            content.evolve(record)
    assert list(content.bundles) == [1, 3, 4, 5]
    assert built.content == content.sequence
    assert await workshop.artifacts.size(built.zip.sha256) == built.zip.size_bytes


async def test_who_asks_while_it_is_built_waits_for_the_same(machine, workshop):
    await begin(machine, workshop)
    workshop.gate.clear()
    for _ in range(3):
        await ask(machine)
    await asyncio.wait_for(workshop.packing.wait(), 30)
    workshop.gate.set()
    await machine.until("BatchZipBuilt")
    assert types(await machine.events.read("b-one"))["BatchZipRequested"] == 1
    assert workshop.packs == 1


async def test_who_asks_again_gets_the_same_bytes_under_a_new_number(machine, workshop):
    await begin(machine, workshop)
    for count in (1, 2):
        await ask(machine)
        async with asyncio.timeout(20):
            while types(await machine.events.read("b-one"))["BatchZipBuilt"] < count:
                await asyncio.sleep(0)
    _, first, _, second = await zip_events(machine)
    assert (first.attempt, second.attempt) == (1, 2)
    assert (first.zip, first.content) == (second.zip, second.content)


async def test_a_scheduler_that_is_replaced_meanwhile_hands_nothing_out_twice(machine, workshop):
    first = await begin(machine, workshop)
    await ask_and_hold(machine, workshop)
    await machine.replace(first)
    await ask(machine)
    workshop.gate.set()
    await machine.until("BatchZipBuilt")
    await no_task_is_out(machine)
    assert [type(event) for event in await zip_events(machine)] == [
        BatchZipRequested, BatchZipBuilt
    ]  # fmt: skip
    assert workshop.packs == 1


async def test_a_task_that_was_lost_is_handed_out_again(machine, workshop):
    """As when scheduler and server die after the decision: tasks are only in memory."""
    first = await begin(machine, workshop)
    await ask_and_hold(machine, workshop)
    workshop.packing.clear()
    await machine.connection.jetstream.purge_stream("TASKS")
    await machine.replace(first)
    await asyncio.wait_for(workshop.packing.wait(), 10)
    workshop.gate.set()
    await machine.until("BatchZipBuilt")
    assert [event.attempt for event in await zip_events(machine)] == [1, 1]


async def test_a_deleted_batch_hears_no_late_report(machine, workshop):
    await begin(machine, workshop)
    await ask_and_hold(machine, workshop)
    await machine.send(DeleteBatch(batch_id="batch-one"), "b-one")
    workshop.gate.set()
    await no_task_is_out(machine)
    await machine.send(batch("batch-two", 1), "b-two")
    await machine.until("BatchCompleted")
    assert list(types(await machine.events.read("b-one"))) == ["BatchDeleted"]
    assert "message.parked" not in machine.log.events()
    assert "session.ended" not in machine.log.events()


async def test_an_archiver_that_says_nothing_has_lost_its_attempt(nats_server, tmp_path):
    policy = Policy(attempt_timeout=timedelta(seconds=1))
    async with Machine(nats_server.url, policy) as machine:
        workshop = Workshop(machine, tmp_path)
        await begin(machine, workshop)
        workshop.gate.clear()
        await ask(machine)
        await machine.until("BatchZipFailed")
        assert (await zip_events(machine))[-1].error.code == "attempts_lost"
        await ask(machine)
        workshop.gate.set()
        seen = await machine.until("BatchZipBuilt")
        assert [r.event.attempt for r in seen if isinstance(r.event, BatchZipBuilt)] == [2]


async def test_a_late_report_of_a_lost_attempt_changes_nothing(machine, workshop):
    await begin(machine, workshop)
    await ask(machine)
    await machine.until("BatchZipBuilt")
    before = await zip_events(machine)
    late = BatchPacked(group="b-one", attempt=1, zip=before[-1].zip, content=1)
    report = b'{"type":"Report","outcomes":[%b]}' % msgspec.json.encode(late)
    await machine.connection.jetstream.publish("rep.00", report)
    await machine.send(batch("batch-two", 1), "b-two")
    async with asyncio.timeout(20):
        while types(await machine.events.read("b-two"))["BatchCompleted"] == 0:
            await asyncio.sleep(0)
    assert await zip_events(machine) == before
