"""Whoever only reads, with nats-py alone: from the beginning, live, and on from where it was."""

import asyncio

import nats
import pytest
from bus_users import password_of

from eventjob.bus.wire.publish import Outgoing, publish


@pytest.fixture
async def subscriber(users_bus):
    errors = []

    async def on_error(error):
        errors.append(str(error))

    client = await nats.connect(
        users_bus.url,
        user="subscriber",
        password=password_of("subscriber"),
        inbox_prefix="_INBOX_subscriber",
        error_cb=on_error,
    )
    yield client.jetstream(timeout=2)
    await client.close()
    assert errors == []


async def happens(users, *names):
    for name in names:
        event = Outgoing(f"ev.00.{name}", name.encode(), {"Ej-Version": "1"})
        await publish(await users.connection("scheduler"), [event])


async def test_without_a_name_all_is_read_from_the_beginning_and_then_live(users, subscriber):
    await happens(users, "b-one", "b-two")
    reading = await subscriber.pull_subscribe("ev.>", stream="EVENTS")
    assert [m.data for m in await reading.fetch(2, timeout=5)] == [b"b-one", b"b-two"]
    waiting = asyncio.create_task(reading.fetch(1, timeout=5))
    await happens(users, "b-three")
    assert [m.data for m in await waiting] == [b"b-three"]
    await reading.unsubscribe()


async def test_with_a_name_it_goes_on_where_it_was(users, subscriber):
    await happens(users, "b-one", "b-two")
    for expected in (b"b-one", b"b-two"):
        reading = await subscriber.pull_subscribe("ev.>", durable="mine", stream="EVENTS")
        [message] = await reading.fetch(1, timeout=5)
        assert message.data == expected
        await message.ack_sync(timeout=2)
        await reading.unsubscribe()


async def test_in_order_by_what_is_pushed(users, subscriber):
    """So many that the server waits for word that they have come."""
    scheduler, count = await users.connection("scheduler"), 3000
    for first in range(0, count, 1000):
        events = [Outgoing(f"ev.00.b-one.{n}", bytes(2000)) for n in range(first, first + 1000)]
        await publish(scheduler, events)
    reading = await subscriber.subscribe("ev.>", stream="EVENTS", ordered_consumer=True)
    for n in range(count):
        assert (await reading.next_msg(timeout=5)).subject == f"ev.00.b-one.{n}"
    await reading.unsubscribe()
