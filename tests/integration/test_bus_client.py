"""What is private to nats-py and used nevertheless, held against the release that is installed."""

import asyncio
from dataclasses import replace

import pytest
from nats.js.api import AckPolicy, ConsumerConfig

from eventjob.bus import subjects
from eventjob.bus.errors import Unavailable
from eventjob.bus.streams import topology
from eventjob.bus.wire import frames
from eventjob.bus.wire.publish import Outgoing, publish
from eventjob.bus.wire.pull import Pull, Source

pytestmark = pytest.mark.usefixtures("streams")
ODD = {"Ej-Actor": "ann%2C%20%C3%BC", "Ej-Reply": "_INBOX.a.b", "Colon": "a: b"}


async def delivered(connection, count):
    pull = Pull(connection, [Source(subjects.CMD, subjects.scheduler_durable("00"))])
    await pull.open()
    found = []
    async with asyncio.timeout(10):
        await pull.set_demand(0, count)
        while len(found) < count:
            found += await pull.receive(count, within_s=5)
    await pull.close()
    return found


@pytest.fixture
async def streams(connection):
    await topology.ensure_streams(connection)
    await topology.ensure_consumers(connection.jetstream)


async def test_a_diverted_delivery_is_what_was_published(connection):
    await publish(connection, [Outgoing("cmd.00", b"\r\nPING\r\n \xff", ODD)])
    [found] = await delivered(connection, 1)
    assert (found.subject, found.data) == ("cmd.00", b"\r\nPING\r\n \xff")
    assert found.headers == ODD
    assert (found.delivered, found.stream_sequence, found.consumer_sequence) == (1, 1, 1)


async def test_a_batch_keeps_its_order_its_headers_and_its_empty_bodies(connection):
    sent = [Outgoing("cmd.00", b"", {"N": str(n)}) for n in range(300)]
    await publish(connection, sent)
    found = await delivered(connection, 300)
    assert [f.headers["N"] for f in found] == [str(n) for n in range(300)]
    assert [f.data for f in found] == [b""] * 300
    assert {f.headers["Nats-Batch-Sequence"] for f in found} == {str(n) for n in range(1, 301)}


async def test_an_acknowledged_delivery_is_gone_from_the_queue(connection):
    await publish(connection, [Outgoing("cmd.00", b"x"), Outgoing("cmd.00", b"y")])
    found = await delivered(connection, 2)
    await frames.acknowledge(connection.client, (f.reply for f in found))
    async with asyncio.timeout(10):
        while (await connection.jetstream.stream_info(subjects.CMD)).state.messages:
            await asyncio.sleep(0.01)


async def test_a_pull_that_nobody_answers_hears_that_its_consumer_is_gone(connection):
    pull = Pull(connection, [Source(subjects.CMD, subjects.scheduler_durable("00"))])
    await pull.open()
    await publish(connection, [Outgoing("cmd.00", b"x")])
    await pull.set_demand(0, 5)
    assert len(await pull.receive(5, within_s=10)) == 1  # so the server knows of the pull
    waiting = asyncio.ensure_future(pull.receive(5, within_s=10))
    await connection.jetstream.delete_consumer(subjects.CMD, subjects.scheduler_durable("00"))
    with pytest.raises(Unavailable, match="scheduler-00: 409"):
        await waiting
    await pull.close()


async def test_other_subscriptions_are_served_as_always(connection):
    subscription = await connection.client.subscribe("plain.*")
    await connection.client.publish("plain.one", b"1", headers={"A": "b"})
    message = await subscription.next_msg(timeout=5)
    assert (message.subject, message.data, message.headers) == ("plain.one", b"1", {"A": "b"})


def test_a_value_that_would_break_out_of_its_header_is_refused():
    for value in ("a\r\nB: c", "a\n", "\r"):
        with pytest.raises(ValueError, match="line break"):
            frames.encode_with_headers("x", {"A": value}, b"")


def test_a_head_is_read_as_it_was_written():
    frame = frames.encode_with_headers("x", ODD, b"data", more="More: 1\r\n")
    head = frame[frame.index(b"NATS/1.0") : frame.index(b"data")]
    assert frames.parse_headers(head) == {**ODD, "More": "1"}
    assert frames.parse_headers(b"") == {}


async def test_a_pull_asks_again_until_its_consumer_is_there(connection):
    pull = Pull(connection, [Source(subjects.CMD, "later")])
    await pull.open()
    await pull.set_demand(0, 1)
    await asyncio.sleep(0.3)
    consumer = ConsumerConfig(durable_name="later", ack_policy=AckPolicy.EXPLICIT)
    await connection.jetstream.delete_consumer(subjects.CMD, subjects.scheduler_durable("01"))
    await connection.jetstream.add_consumer(
        subjects.CMD, replace(consumer, filter_subject="cmd.01")
    )
    await publish(connection, [Outgoing("cmd.01", b"x")])
    [found] = await pull.receive(1, within_s=5)
    await pull.close()
    assert found.data == b"x"


async def test_a_pull_from_nobody_is_given_up(connection):
    pull = Pull(connection, [Source(subjects.CMD, "nobody")])
    await pull.open()
    await pull.set_demand(0, 1)
    with pytest.raises(Unavailable, match="nobody: 503"):
        await pull.receive(1, within_s=10)
    await pull.close()


async def test_the_answer_to_a_flush_that_was_given_up_ends_nothing(connection):
    reconnects = connection.reconnects
    for _ in range(5):
        flush = asyncio.create_task(connection.client.flush())
        await asyncio.sleep(0)  # its PING is on the way
        await asyncio.sleep(0)
        flush.cancel()
        await asyncio.wait({flush})
    await connection.client.flush()
    assert (await connection.jetstream.account_info()).streams >= 2
    assert connection.reconnects == reconnects
