"""What is parked keeps all that it said, and does its work when it is put back."""

import asyncio

import msgspec
import pytest
from machine import batch, instantly, types

from eventjob.bus import subjects
from eventjob.bus.roles.parking import count_parked, drop, put_back, read_parked, read_parked_at
from eventjob.bus.wire.publish import Outgoing, publish
from eventjob.contracts.base import JobError
from eventjob.contracts.commands import SetBatchActive
from eventjob.contracts.replies import Accepted
from eventjob.contracts.work import Report, WorkFailed

WITHIN_S = 30


@pytest.fixture(autouse=True)
async def scheduling(machine):
    await machine.schedule()


async def all_parked(connection, count):
    """What is parked, once it is that many."""
    async with asyncio.timeout(WITHIN_S):
        while await count_parked(connection) < count:
            await asyncio.sleep(0.02)
    return [message async for message in read_parked(connection)]


async def test_everything_but_the_servers_own_headers_is_kept(machine):
    headers = {"Ej-Command": "c1", "Ej-Actor": "ann%20%C3%A4", "Nats-Msg-Id": "m1"}
    await publish(machine.connection, [Outgoing("cmd.03", b"\xffnothing", headers)])
    (message,) = await all_parked(machine.connection, 1)
    assert (message.subject, message.data) == ("cmd.03", b"\xffnothing")
    assert message.headers["Ej-Command"] == "c1"
    assert message.headers["Ej-Actor"] == "ann%20%C3%A4"
    assert message.reason.startswith("not a command: ")
    assert message.deliveries == "1"
    assert message == await read_parked_at(machine.connection, message.sequence)
    assert await read_parked_at(machine.connection, message.sequence + 1) is None
    await drop(machine.connection, message)
    assert await count_parked(machine.connection) == 0
    assert [m async for m in read_parked(machine.connection)] == []


async def test_more_than_a_page_is_listed_in_order(machine):
    for n in range(0, 250, 50):
        few = [Outgoing("cmd.05", b"%d, and no command" % (n + k)) for k in range(50)]
        await publish(machine.connection, few)
    found = await all_parked(machine.connection, 250)
    assert [int(m.data.split(b",")[0]) for m in found] == list(range(250))


async def test_nothing_hides_behind_a_message_that_looks_like_the_end(machine):
    looks = {"Nats-Sequence": "7", "Nats-Subject": "parked.rep.00"}
    ends = [looks | {"Status": status} for status in ("204", "404", "503")]
    for headers in ({}, *ends, {}):
        subject = "parked.task.fetch.00.b-x.1.1"
        await publish(machine.connection, [Outgoing(subject, b"evil", headers)])
    found = await all_parked(machine.connection, 5)
    assert [message.sequence for message in found] == [1, 2, 3, 4, 5]
    assert {message.subject for message in found} == {"task.fetch.00.b-x.1.1"}
    for number in (2, 3, 4):
        assert await read_parked_at(machine.connection, number) == found[number - 1]


async def test_a_report_from_before_its_time_counts_when_it_is_put_back(machine):
    """As when a log was restored that ends before the report."""
    failed = WorkFailed(
        group="b-late",
        n=2,
        attempt=1,
        task="fetch",
        error=JobError(code="http_404", message="not there"),
        transient=False,
    )
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def handler(task):
        if task.n == 2:
            begun.set()
            await go_on.wait()
        return await instantly(task)

    report = msgspec.json.encode(Report(outcomes=[failed]))
    subject = subjects.report_subject(subjects.token_of("b-late"))
    await publish(machine.connection, [Outgoing(subject, report)])
    (message,) = await all_parked(machine.connection, 1)
    assert message.reason == "processing this message failed 3 times"
    await machine.work(handler)
    assert isinstance(await machine.send(batch("batch-late", 3), "b-late"), Accepted)
    await asyncio.wait_for(begun.wait(), WITHIN_S)
    await put_back(machine.connection, message)
    seen = types(await machine.until("BatchCompleted"))
    go_on.set()
    assert (seen["JobFailed"], seen["JobCompleted"]) == (1, 2)
    assert await count_parked(machine.connection) == 0


async def test_a_command_that_was_done_already_is_recognised(machine):
    """Interrupted between putting it back and taking it out, a person does it again."""
    assert isinstance(await machine.send(batch("batch-x", 1), "b-x"), Accepted)
    flip = msgspec.json.encode(SetBatchActive(batch_id="batch-x"))
    command = subjects.command_subject(subjects.token_of("b-x"))
    headers = {"Ej-Command": "flip", "Ej-Actor": "ann", "Ej-Reason": "once", "Ej-Reply": "x"}
    for _ in range(2):
        await publish(machine.connection, [Outgoing(f"parked.{command}", flip, headers)])
    heard = await machine.connection.client.subscribe("x")
    for message in [m async for m in read_parked(machine.connection)]:
        await put_back(machine.connection, message)
    assert isinstance(await machine.send(batch("batch-end", 0), "b-end"), Accepted)
    async with asyncio.timeout(WITHIN_S):
        while (await machine.connection.jetstream.stream_info(subjects.CMD)).state.messages:
            await asyncio.sleep(0.02)
    happened = [type(record.event).__name__ for record in await machine.events.read("b-x")]
    assert happened == ["BatchSubmitted", "JobsAdded", "BatchPaused"]
    assert not heard.pending_msgs
