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


def batch(name):
    return SubmitBatch(batch_id=f"batch-{name}", batch_name=name, jobs=[SPEC] * 3, **OWN)


def alone(name):
    return SubmitJob(job_id=name, job=SPEC, **OWN)


def flip(name):
    return SetBatchActive(batch_id=f"batch-{name}")


def add(name):
    return AddJob(batch_id=f"batch-{name}", job=SPEC)


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


# a command to a batch, or to a job alone; the event's number, and its type
OF_A_BATCH = [
    (add, 4, "JobsAdded"),
    (flip, None, "BatchPaused"),
    (lambda x: SetBatchArchived(batch_id=f"batch-{x}", archived=True), None, "BatchArchived"),
    (lambda x: RestartJob(job_id=f"job-{x}.1"), 1, "JobRestarted"),
    (lambda x: DeleteJob(job_id=f"job-{x}.1"), 1, "JobDeleted"),
    (lambda x: DeleteBatch(batch_id=f"batch-{x}"), None, "BatchDeleted"),
]


async def test_what_comes_twice_happens_once(bus):
    async def check(command, group, n, event):
        first = await bus.say(command, group, f"twice-{group}")
        happened = await bus.types(group, n)
        again = await bus.say(command, group, f"twice-{group}")
        assert isinstance(first, Accepted), command
        assert isinstance(again, Accepted), command
        assert again.number == first.number
        assert await bus.types(group, n) == happened
        assert happened[event] == 1

    await check(batch("new"), "b-new", None, "BatchSubmitted")
    await check(alone("new"), "j-new", None, "JobSubmitted")
    await bus.do(alone("gone"), "j-gone")
    await check(DeleteJob(job_id="gone"), "j-gone", None, "JobDeleted")
    for name, (command, n, event) in zip("abcdef", OF_A_BATCH, strict=True):
        await bus.do(batch(name), f"b-{name}")
        await check(command(name), f"b-{name}", n, event)


async def test_the_next_scheduler_knows_what_was_decided_before(bus):
    said = [
        (batch("one"), "b-one", "c1"),
        (alone("alone"), "j-alone", "c2"),
        (add("one"), "b-one", "c3"),
        (flip("one"), "b-one", "c4"),
        (RestartJob(job_id="job-one.1"), "b-one", "c5"),
        (DeleteJob(job_id="job-one.2"), "b-one", "c6"),
        (DeleteJob(job_id="alone"), "j-alone", "c7"),
        (batch("two"), "b-two", "c8"),
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


async def test_what_comes_again_in_between_changes_nothing(bus):
    await bus.do(batch("one"), "b-one")
    for command_id in ("pause", "resume", "pause", "resume", "pause"):
        await bus.say(flip("one"), "b-one", command_id)
    happened = await bus.types("b-one")
    assert (happened["BatchPaused"], happened["BatchResumed"]) == (1, 1)
    added = [await bus.say(add("one"), "b-one", command_id) for command_id in ("c1", "c2", "c1")]
    assert [reply.number for reply in added] == [4, 5, 4]
    for _ in range(2):
        refused = await bus.say(batch("one"), "b-one", "c3")
        assert isinstance(refused, Declined)
        assert refused.code == "conflict"


async def test_a_fail_all_counts_the_same_and_fails_once(bus):
    await bus.do(batch("one"), "b-one")
    for dry_run, command_id in ((True, "c1"), (True, "c1"), (False, "c2"), (False, "c2")):
        reply = await bus.say(FailBatches(dry_run=dry_run), "b-one", command_id)
        assert reply.updated == 1
    assert (await bus.say(FailBatches(), "b-one", "c3")).updated == 0
    happened = await bus.types("b-one")
    assert (happened["JobsFailed"], happened["BatchCompleted"]) == (1, 1)
    await bus.do(RestartJob(job_id="job-one.1"), "b-one")
    assert (await bus.say(FailBatches(), "b-one", "c2")).updated == 1  # as it was said at first
    assert (await bus.types("b-one"))["JobsFailed"] == 1


async def test_what_nobody_can_read_is_put_aside_and_not_called_accepted(bus):
    for count, message in enumerate(
        (
            b"garbage",
            b"",
            b'{"type":"FromTheFuture"}',
            b'{"type":"SubmitJob"}',
            StoredCommand(sha256="0" * 64),  # stored somewhere else
            StoredCommand(sha256="../../etc/passwd"),
        ),
        1,
    ):
        reply = await bus.say(message, "b-one", f"c{count}")
        assert isinstance(reply, Declined), message
        assert reply.code == "internal"
        parked = await bus.connection.jetstream.stream_info(subjects.PARKED)
        assert parked.state.messages == count
    assert isinstance(await bus.do(batch("one"), "b-one"), Accepted)
