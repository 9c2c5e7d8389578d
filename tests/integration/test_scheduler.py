"""The scheduler on a real server, with workers that take no time."""

import asyncio
import contextlib
from collections import Counter

import msgspec
from machine import batch, spec, types

from eventjob.contracts.base import Access, JobError
from eventjob.contracts.commands import (
    DeleteBatch,
    FailBatches,
    RestartJob,
    SetBatchActive,
    SubmitJob,
)
from eventjob.contracts.replies import Accepted, Declined
from eventjob.contracts.work import Report, WorkFailed
from eventjob.domain.access import Caller


async def test_a_batch_goes_all_the_way(machine):
    await machine.schedule()
    await machine.work()
    reply = await machine.send(batch("batch-one", 300), "b-one")
    assert isinstance(reply, Accepted)
    seen = types(await machine.until("BatchCompleted"))
    assert seen["JobFetched"] == seen["JobCompleted"] == 300
    assert seen["JobsAdded"] == 3
    taken = await machine.send(batch("one", 1), "b-one")
    assert isinstance(taken, Declined)
    assert taken.code == "conflict"


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
    dry = await machine.commands.send_to_all(FailBatches(dry_run=True), caller=Caller("ann"))
    assert sum(reply.updated for reply in dry) == 2
    foreign = await machine.commands.send_to_all(FailBatches(), caller=Caller("bob"))
    assert sum(reply.updated for reply in foreign) == 0
    done = await machine.commands.send_to_all(FailBatches(), caller=Caller("ann"))
    assert sum(reply.updated for reply in done) == 2
    again = await machine.commands.send_to_all(FailBatches(), caller=Caller("ann"))
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
    await machine.send(batch("batch-one", 1000), "b-one")
    await machine.until("JobCompleted")
    nats_server.kill()
    nats_server.start()
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(Exception):
                seen = await machine.until("BatchCompleted", 30)
                break
    outcomes = Counter((r.group, r.n) for r in seen if type(r.event).__name__ == "JobCompleted")
    assert len(outcomes) == 1000
    assert set(outcomes.values()) == {1}


async def test_a_scheduler_that_is_replaced_in_the_middle_doubles_nothing(machine):
    first = await machine.schedule()
    await machine.work(capacity=20)
    await machine.send(batch("batch-one", 1000), "b-one")
    await machine.until("JobCompleted")
    await machine.replace(first)
    seen = await machine.until("BatchCompleted", 60)
    outcomes = Counter(r.n for r in seen if type(r.event).__name__ == "JobCompleted")
    assert len(outcomes) == 1000
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
