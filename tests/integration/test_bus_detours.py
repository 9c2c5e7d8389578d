"""What a user has the server send to where it may not publish itself: nothing comes of it."""

import asyncio
import contextlib
import json
from collections import Counter

import msgspec
import pytest
from bus_users import UsersMachine, reaches, state, until
from fakes import QuietLog
from machine import batch, instantly, types
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import BadRequestError

from eventjob.bus.buckets.leases import Leases
from eventjob.bus.buckets.objects import STREAM, Objects
from eventjob.bus.log.log import EventLog
from eventjob.bus.log.raw import is_forged, read_messages, rewrite_events
from eventjob.bus.roles.commands import CommandSender
from eventjob.bus.roles.parking import read_parked_at
from eventjob.bus.subjects import (
    ALL_PARTITIONS,
    caller_headers,
    command_subject,
    event_subject,
    token_of,
)
from eventjob.bus.wire.publish import Outgoing, publish
from eventjob.contracts.commands import DeleteBatch
from eventjob.contracts.replies import Accepted
from eventjob.domain.access import Caller
from eventjob.runtime.lifecycle import CannotStart
from services.parked.main import _apply_to_each, _retry

GROUP = "b-one"


@pytest.fixture
async def machine(users):
    async with UsersMachine(users.url) as machine:
        yield machine
    assert "nats.denied" not in machine.log.events()


async def remember_and_send(users, data, headers, to):
    """What a processor remembers of the web comes back to where it likes."""
    processor = await users.connection("processor")
    await processor.jetstream.publish("$KV.http.evil", data, headers=headers)
    await processor.client.publish("$JS.API.DIRECT.GET.KV_http.$KV.http.evil", reply=to)


def evil():
    """A command and its headers, as somebody might send who is trusted with everything."""
    headers = caller_headers(Caller("root", trusted=True)) | {"Ej-Command": "1"}
    return msgspec.json.encode(DeleteBatch(batch_id="batch-one")), headers


async def test_a_command_that_the_server_was_made_to_send_is_parked(machine, users):
    await machine.schedule()
    assert isinstance(await machine.send(batch("batch-one", 1), GROUP), Accepted)
    before = await machine.events.last_sequence()
    await remember_and_send(users, *evil(), command_subject(token_of(GROUP)))

    await reaches(users, "PARKED", messages=1)
    assert await machine.events.last_sequence() == before
    assert (await read_parked_at(await users.connection("provision"), 1)).is_forged


async def forge_events(users, to):
    """Both kinds of answers, sent by who may only read and by who may remember something."""
    data = b'{"type":"BatchDeleted","at":"2026-01-01T00:00:00Z"}'
    await remember_and_send(users, data, {"Ej-Version": "1"}, to)
    subscriber = await users.connection("subscriber")
    await subscriber.client.publish("$JS.API.STREAM.INFO.EVENTS", reply=to)
    await subscriber.client.publish("$JS.API.CONSUMER.INFO.EVENTS.none", reply=to)


async def test_events_that_the_server_was_made_to_send_are_passed_over(users):
    log = EventLog(await users.connection("api"))
    await forge_events(users, event_subject(GROUP))

    await reaches(users, "EVENTS", last_seq=3)
    assert [page async for page in log.follow(0, until=3)] == []
    assert await log.read(GROUP) == []
    assert [page async for page in log.read_with_jobs(GROUP)] == []
    assert await log.read_first(GROUP) is None


async def test_work_goes_on_where_events_are_forged(machine, users):
    """Also for the batch on whose subjects they lie, and for one that comes later."""
    await machine.schedule()
    await machine.work(instantly)
    assert isinstance(await machine.send(batch("batch-one", 3), GROUP), Accepted)
    for subject in (event_subject(GROUP), event_subject(GROUP, 2), event_subject("b-new")):
        await forge_events(users, subject)
    for name in ("new", "other"):
        assert isinstance(await machine.send(batch(f"batch-{name}", 3), f"b-{name}"), Accepted)
    seen = Counter()
    async with asyncio.timeout(60):
        async for stretch in machine.events.follow(0):
            seen += types(stretch)
            if seen["BatchCompleted"] == 3:
                break
    assert (seen["JobCompleted"], seen["BatchDeleted"]) == (9, 0)


async def test_a_restore_brings_back_no_event_that_was_forged(users):
    """What the server was told by a message's headers is gone by then, and with it the marks."""
    await forge_events(users, event_subject(GROUP))
    connection = await users.connection("provision")

    await reaches(users, "EVENTS", last_seq=3)
    backed_up = [m async for stretch in read_messages(connection, "EVENTS", 0) for m in stretch]
    assert all(is_forged(message) for message in backed_up)
    moved = [msgspec.structs.replace(m, sequence=m.sequence + 3) for m in backed_up]
    assert await rewrite_events(connection, moved, 3) == 6
    assert (await state(users, "EVENTS")).messages == 3


@pytest.mark.parametrize("name", ["member.scheduler.me", "owner.scheduler.00"])
async def test_a_lease_that_the_server_was_made_to_store_displaces_nobody(users, name):
    connection = await users.connection("scheduler")
    leases = Leases(
        connection, role="scheduler", instance="me", parts=ALL_PARTITIONS, log=QuietLog()
    )
    stop = asyncio.Event()
    keeping = asyncio.create_task(leases.maintain(stop))

    async def has_all():
        return leases.held == frozenset(ALL_PARTITIONS)

    await until(has_all)
    for _ in range(3):
        before = (await state(users, "KV_leases")).last_seq
        await remember_and_send(users, b"another", {}, f"$KV.leases.{name}")
        await asyncio.sleep(1)
        assert (await state(users, "KV_leases")).last_seq > before
        await until(has_all)
    assert not keeping.done()
    stop.set()
    await keeping


async def test_what_the_server_was_made_to_park_is_not_put_back(users):
    await remember_and_send(users, *evil(), "parked.cmd.00")
    connection = await users.connection("provision")

    await reaches(users, "PARKED", messages=1)
    message = await read_parked_at(connection, 1)
    assert message.is_forged
    with pytest.raises(CannotStart, match="forged message: not sent by an authorised user"):
        await _apply_to_each(connection, [1], _retry, "put back to")
    assert (await state(users, "CMD")).last_seq == 0


async def test_the_scheduler_answers_to_inboxes_alone(machine, users):
    await machine.schedule()
    headers = caller_headers(Caller("ann")) | {"Ej-Reply": "rep.00", "Ej-Command": "1"}
    data = msgspec.json.encode(batch("batch-one", 1))
    message = Outgoing(command_subject(token_of(GROUP)), data, headers)
    await publish(await users.connection("api"), [message])
    assert types(await machine.until("BatchSubmitted"))
    async with CommandSender(machine.connection, machine.blobs) as other:
        await other.send(batch("batch-two", 1), group="b-two", caller=Caller("ann"))
    assert (await state(users, "REPORTS")).last_seq == 0


async def test_a_task_that_the_server_was_made_to_send_is_parked(machine, users):
    asked = []

    async def handler(task):
        asked.append(task)

    await machine.work(handler)
    await remember_and_send(users, b"{}", {}, "task.archive.00.b-one.1.1")

    await reaches(users, "PARKED", messages=1)
    assert asked == []


async def test_a_snapshot_that_the_server_was_made_to_store_is_none(users):
    objects = Objects(await users.connection("scheduler"))
    await objects.put("scheduler-00", b"ours")
    connection = await users.connection("provision")
    subject = (await connection.jetstream.get_msg(STREAM, 2)).subject
    told = (await connection.jetstream.get_msg(STREAM, 2)).data
    assert json.loads(told)["size"] == 4
    await remember_and_send(users, told, {"Nats-Rollup": "sub"}, subject)

    await reaches(users, STREAM, last_seq=3)
    assert await objects.get("scheduler-00") is None
    await objects.put("scheduler-00", b"ours again")
    assert await objects.get("scheduler-00") == b"ours again"


TO = {
    "cmd.00": "CMD",
    "rep.00": "REPORTS",
    "task.archive.00.b-x.1.1": "TASKS",
    "ev.00.b-x": "EVENTS",
}


@pytest.mark.parametrize("to", TO)
async def test_what_a_consumer_delivers_keeps_its_subject_wherever_it_is_sent(users, to):
    """So no consumer of another stream gives it to anybody, and the log has it already."""
    first = {"Nats-Expected-Last-Subject-Sequence": "0"}
    await publish(await users.connection("scheduler"), [Outgoing("ev.00.b-one", b"{}", first)])
    subscriber = await users.connection("subscriber")
    config = ConsumerConfig(ack_policy=AckPolicy.NONE)
    for _ in range(3):
        made = await subscriber.jetstream.add_consumer("EVENTS", config)
        asked = f"$JS.API.CONSUMER.MSG.NEXT.EVENTS.{made.name}"
        await subscriber.client.publish(asked, b'{"batch":1}', reply=to)
    with contextlib.suppress(BadRequestError):  # it would go in a circle
        await subscriber.jetstream.add_consumer("EVENTS", config, deliver_subject=to)
    await asyncio.sleep(1)
    connection = await users.connection("provision")
    assert (await state(users, "EVENTS")).last_seq == 1
    for info in await connection.jetstream.consumers_info(TO[to]):
        assert info.num_pending == 0 or info.stream_name == "EVENTS"
