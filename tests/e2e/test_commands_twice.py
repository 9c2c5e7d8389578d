"""Commands that the bus delivers again: decided once, and answered as they were at first."""

import asyncio
import contextlib
from collections import Counter
from uuid import uuid4

import msgspec
import pytest
from fakes import QuietLog

from eventjob.artifacts.open_artifacts import open_artifacts
from eventjob.bus import subjects
from eventjob.bus.log.log import EventLog
from eventjob.bus.wire.connection import connect
from eventjob.bus.wire.publish import Outgoing, publish
from eventjob.contracts.base import Access, JobSpec
from eventjob.contracts.commands import (
    AddJob,
    DeleteBatch,
    DeleteJob,
    FailBatches,
    RestartJob,
    SetBatchActive,
    SetBatchArchived,
    StoredCommand,
    SubmitBatch,
    SubmitJob,
)
from eventjob.contracts.replies import Accepted, Declined, Reply
from eventjob.domain.retry import Policy
from services.scheduler.main import Scheduler

WITHIN_S = 15
SPEC = JobSpec(
    parameters=msgspec.Raw(b'{"url":"http://a.example/"}'), host="a.example", job_name=""
)
OWN = {"owner": "ann", "access": Access()}
ALONE = SubmitJob(job_id="alone", job=SPEC, **OWN)
BATCH = SubmitBatch(batch_id="batch-one", batch_name="one", jobs=[SPEC] * 3, **OWN)
BATCH_TWO = SubmitBatch(batch_id="batch-two", batch_name="two", jobs=[SPEC] * 2, **OWN)
FLIP = SetBatchActive(batch_id="batch-one")


class Bus:
    """A scheduler on a server of its own, and a client that says everything as often as it likes.

    There are no workers: nothing happens but what is commanded.
    """

    def __init__(self, url, folder):
        self.url = url
        self.blobs = open_artifacts(folder.as_uri())
        self.log = QuietLog()
        self.stack = contextlib.AsyncExitStack()
        self.replies = asyncio.Queue()

    async def __aenter__(self):
        self.connection = await self._connect("client")
        self.events = EventLog(self.connection)
        await self.connection.client.subscribe("_INBOX.answers", cb=self.replies.put)
        await self.start()
        return self

    async def __aexit__(self, *_):
        await self.stop()
        await self.stack.aclose()

    async def _connect(self, name):
        connection = await connect(self.url, name=name)
        self.stack.push_async_callback(connection.close)
        return connection

    async def start(self):
        self.stopping = asyncio.Event()
        connection = await self._connect("scheduler")
        scheduler = Scheduler(connection, self.blobs, Policy(), self.log, instance="twice")
        wanted = self.log.events().count("scheduler.ready") + 1
        self.running = asyncio.create_task(scheduler.run(self.stopping))
        async with asyncio.timeout(WITHIN_S):
            while self.log.events().count("scheduler.ready") < wanted:
                await asyncio.sleep(0)

    async def stop(self):
        self.stopping.set()
        await asyncio.wait_for(self.running, WITHIN_S)

    async def say(self, command, group, command_id):
        """The answer to a message that the server takes for a new one, whatever is in it."""
        data = command if isinstance(command, bytes) else msgspec.json.encode(command)
        headers = {
            subjects.HEADER_COMMAND: command_id,
            subjects.HEADER_ACTOR: "ann",
            subjects.HEADER_REPLY: "_INBOX.answers",
            "Nats-Msg-Id": uuid4().hex,
        }
        subject = subjects.command_subject(subjects.token_of(group))
        await publish(self.connection, [Outgoing(subject, data, headers)])
        message = await asyncio.wait_for(self.replies.get(), WITHIN_S)
        return msgspec.json.decode(message.data, type=Reply)

    async def do(self, command, group):
        """A command said once."""
        return await self.say(command, group, uuid4().hex)

    async def types(self, group, n=None):
        return Counter(type(r.event).__name__ for r in await self.events.read(group, n))


@pytest.fixture
async def bus(nats_server, tmp_path):
    async with Bus(nats_server.url, tmp_path) as bus:
        yield bus


CASES = {
    "a batch": ([], BATCH, "b-one", None, "BatchSubmitted"),
    "a job": ([], ALONE, "j-alone", None, "JobSubmitted"),
    "a job of a batch": (
        [(BATCH, "b-one")],
        AddJob(batch_id="batch-one", job=SPEC),
        "b-one",
        4,
        "JobsAdded",
    ),
    "a flip": (
        [(BATCH, "b-one")],
        FLIP,
        "b-one",
        None,
        "BatchPaused",
    ),
    "an archiving": (
        [(BATCH, "b-one")],
        SetBatchArchived(batch_id="batch-one", archived=True),
        "b-one",
        None,
        "BatchArchived",
    ),
    "a restart": ([(BATCH, "b-one")], RestartJob(job_id="job-one.1"), "b-one", 1, "JobRestarted"),
    "a deletion": ([(BATCH, "b-one")], DeleteJob(job_id="job-one.1"), "b-one", 1, "JobDeleted"),
    "the deletion of a job alone": (
        [(ALONE, "j-alone")],
        DeleteJob(job_id="alone"),
        "j-alone",
        None,
        "JobDeleted",
    ),
    "the deletion of a batch": (
        [(BATCH, "b-one")],
        DeleteBatch(batch_id="batch-one"),
        "b-one",
        None,
        "BatchDeleted",
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_what_comes_twice_happens_once(bus, name):
    before, command, group, n, event = CASES[name]
    for earlier, where in before:
        await bus.do(earlier, where)
    first = await bus.say(command, group, "c1")
    happened = await bus.types(group, n)
    again = await bus.say(command, group, "c1")
    assert isinstance(first, Accepted)
    assert isinstance(again, Accepted)
    assert again.number == first.number
    assert await bus.types(group, n) == happened
    assert happened[event] == 1


async def test_the_next_scheduler_knows_what_was_decided_before(bus):
    said = [
        (BATCH, "b-one", "c1"),
        (ALONE, "j-alone", "c2"),
        (AddJob(batch_id="batch-one", job=SPEC), "b-one", "c3"),
        (FLIP, "b-one", "c4"),
        (RestartJob(job_id="job-one.1"), "b-one", "c5"),
        (DeleteJob(job_id="job-one.2"), "b-one", "c6"),
        (DeleteJob(job_id="alone"), "j-alone", "c7"),
        (BATCH_TWO, "b-two", "c8"),
        (DeleteBatch(batch_id="batch-two"), "b-two", "c9"),
    ]
    first = [await bus.say(*each) for each in said]
    end = await bus.events.last_sequence()
    await bus.stop()
    await bus.start()
    again = [await bus.say(*each) for each in said]
    of_what_was_deleted = (1, 7)  # purged: they contradict the tombstone now, and change nothing
    for n, (before, after) in enumerate(zip(first, again, strict=True)):
        assert isinstance(before, Accepted)
        if n not in of_what_was_deleted:
            assert isinstance(after, Accepted)
            assert after.number == before.number
    assert await bus.events.last_sequence() == end


async def test_two_commands_that_come_again_leave_things_as_they_were(bus):
    await bus.do(BATCH, "b-one")
    for command_id in ("pause", "resume", "pause", "resume", "pause"):
        await bus.say(FLIP, "b-one", command_id)
    happened = await bus.types("b-one")
    assert (happened["BatchPaused"], happened["BatchResumed"]) == (1, 1)


async def test_an_added_job_keeps_its_number_when_others_came_in_between(bus):
    await bus.do(BATCH, "b-one")
    add = AddJob(batch_id="batch-one", job=SPEC)
    first = await bus.say(add, "b-one", "c1")
    second = await bus.say(add, "b-one", "c2")
    again = await bus.say(add, "b-one", "c1")
    assert [first.number, second.number, again.number] == [4, 5, 4]


async def test_a_refusal_stays_one(bus):
    await bus.do(BATCH, "b-one")
    for _ in range(2):
        refused = await bus.say(BATCH, "b-one", "c1")
        assert isinstance(refused, Declined)
        assert refused.code == "conflict"


async def test_a_fail_all_counts_the_same_and_fails_once(bus):
    await bus.do(BATCH, "b-one")
    for dry_run, command_id in ((True, "c1"), (True, "c1"), (False, "c2"), (False, "c2")):
        reply = await bus.say(FailBatches(dry_run=dry_run), "b-one", command_id)
        assert reply.updated == 1
    assert (await bus.say(FailBatches(), "b-one", "c3")).updated == 0
    happened = await bus.types("b-one")
    assert (happened["JobsFailed"], happened["BatchCompleted"]) == (1, 1)


async def test_a_fail_all_that_comes_again_leaves_what_was_restarted_meanwhile(bus):
    await bus.do(BATCH, "b-one")
    await bus.say(FailBatches(), "b-one", "c1")
    await bus.do(RestartJob(job_id="job-one.1"), "b-one")
    assert (await bus.say(FailBatches(), "b-one", "c1")).updated == 1
    assert (await bus.types("b-one"))["JobsFailed"] == 1


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"garbage", id="garbage"),
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"type":"FromTheFuture"}', id="of a newer version"),
        pytest.param(b'{"type":"SubmitJob"}', id="half a command"),
        pytest.param(StoredCommand(sha256="0" * 64), id="stored somewhere else"),
        pytest.param(StoredCommand(sha256="../../etc/passwd"), id="stored nowhere"),
    ],
)
async def test_what_nobody_can_read_is_put_aside_and_not_called_accepted(bus, message):
    reply = await bus.say(message, "b-one", "c1")
    assert isinstance(reply, Declined)
    assert reply.code == "internal"
    parked = await bus.connection.jetstream.stream_info(subjects.PARKED)
    assert parked.state.messages == 1
    assert isinstance(await bus.do(BATCH, "b-one"), Accepted)
