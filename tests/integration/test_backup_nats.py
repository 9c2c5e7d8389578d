"""Streams out of a real server and into another: sequences, holes, torn appends, marks."""

import asyncio
from contextlib import asynccontextmanager
from itertools import count

import builders
import msgspec
import pytest
from nats_server import NatsServer

from eventjob.bus import subjects
from eventjob.bus.backup import restore_streams, stream_snapshot
from eventjob.bus.errors import Unavailable
from eventjob.bus.log import raw
from eventjob.bus.log.event_codec import NewEvent
from eventjob.bus.log.log import EventLog
from eventjob.bus.log.raw import StoredMessage
from eventjob.bus.streams import topology
from eventjob.bus.wire.connection import connect
from eventjob.bus.wire.publish import Outgoing, publish
from services.backup.consistent_end import ConsistentEnd, complete_length

MANY = 300


@asynccontextmanager
async def another():
    server = NatsServer()
    server.start()
    connection = await connect(server.url, name="another")
    try:
        yield connection
    finally:
        await connection.close()
        server.stop()


async def submit(log, name, jobs=3):
    """A batch with some events on its own subject, all in one append."""
    group = f"b-{name}"
    added = [builders.jobs_added(first=n) for n in range(1, jobs + 1)]
    happened = [builders.batch_submitted(), *added]
    subject = subjects.event_subject(group)
    new = [
        NewEvent(subject, event, 0 if i == 0 else None, "c", "ada")
        for i, event in enumerate(happened)
    ]
    return await log.append(new)


async def delete(log, name, last):
    """As the scheduler does: first the tombstone, then the purge."""
    subject = subjects.event_subject(f"b-{name}")
    await log.append([NewEvent(subject, builders.batch_deleted(), last, "d", "ada")])
    await log.purge(subject, keep=1)


async def all_of(connection, stream=subjects.EVENTS, after=0):
    return [
        message async for page in raw.read_messages(connection, stream, after) for message in page
    ]


async def restored(other, last, taken, chunks, lines):
    await restore_streams.restore_stream(other, subjects.EVENTS, taken, chunks)
    await topology.ensure_streams(other)
    await restore_streams.write_events(other, [raw.decode_line(line) for line in lines], last)
    await restore_streams.mark_whole(other)


async def test_what_comes_after_the_snapshot_keeps_its_sequences_and_its_holes(connection, log):
    last = await submit(log, "one")
    chunks, lines = [], []
    taken = await stream_snapshot.save_stream(connection, subjects.EVENTS, chunks.append)
    assert taken.last_sequence == last == 4
    two = await submit(log, "two", jobs=5)
    await submit(log, "three")
    await delete(log, "two", two)
    assert await ConsistentEnd(connection, lines.append).find(taken.last_sequence) == 15
    async with another() as other:
        await restored(other, 15, taken, chunks, lines)
        here, there = await all_of(connection), await all_of(other)
        assert [m.sequence for m in there] == [1, 2, 3, 4, 11, 12, 13, 14, 15]
        assert [(m.sequence, m.subject, m.data) for m in there] == [
            (m.sequence, m.subject, m.data) for m in here
        ]
        assert [m.headers["Ej-Command"] for m in there] == ["c"] * 8 + ["d"]
        assert await restore_streams.find_last_sequences(other) == {subjects.EVENTS: 15}
        assert await submit(EventLog(other), "four") == 19


async def test_every_hole_that_a_purge_tears_is_explained_by_a_deletion(connection, log):
    """Batches are deleted all the while that the snapshot is made, old ones and new ones."""
    ends = {f"old{n}": await submit(log, f"old{n}", jobs=40) for n in range(MANY)}
    over = asyncio.Event()

    async def churn():
        for number in count():
            if over.is_set():
                return
            await submit(log, f"new{number}")
            if ends:
                name = next(iter(ends)) if number % 2 else next(reversed(ends))
                await delete(log, name, ends.pop(name))

    churning = asyncio.create_task(churn())
    chunks, lines = [], []
    taken = await stream_snapshot.save_stream(connection, subjects.EVENTS, chunks.append)
    last = await ConsistentEnd(connection, lines.append).find(taken.last_sequence)
    over.set()
    await churning
    async with another() as other:
        await restored(other, last, taken, chunks, lines)
        found = await all_of(other)
    by_group = {}
    for message in found:
        by_group.setdefault(message.subject, []).append(msgspec.json.decode(message.data)["type"])
    torn = {
        subject
        for subject, types in by_group.items()
        if types[0] != "BatchSubmitted" or types.count("JobsAdded") not in {3, 40}
    }
    assert {by_group[subject][-1] for subject in torn} <= {"BatchDeleted"}
    assert found[-1].sequence == last
    assert complete_length(
        [StoredMessage(sequence=1, subject="s", headers=found[-1].headers, data=b"")]
    )


async def test_until_the_end_a_restored_log_says_that_it_is_not_whole(connection, log):
    await submit(log, "one")
    chunks = []
    taken = await stream_snapshot.save_stream(connection, subjects.EVENTS, chunks.append)
    async with another() as other:
        await restore_streams.restore_stream(other, subjects.EVENTS, taken, chunks)
        with pytest.raises(Unavailable, match="run `eventjob restore` again"):
            await restore_streams.check_whole(other)
        with pytest.raises(Unavailable, match="in use"):  # there it is
            await restore_streams.restore_stream(other, subjects.EVENTS, taken, chunks)
        await restore_streams.remove_streams(other)
        with pytest.raises(Unavailable):
            await restore_streams.restore_stream(other, subjects.EVENTS, taken, [chunks[0][:-20]])
        assert await restore_streams.find_last_sequences(other) == {}
        await restore_streams.restore_stream(other, subjects.EVENTS, taken, chunks)
        await topology.ensure_streams(other)
        await restore_streams.mark_whole(other)
        await restore_streams.check_whole(other)


async def test_commands_that_nobody_has_decided_come_along(connection, log):
    del log
    for n in range(3):
        headers = {"Ej-Command": f"c{n}", "Nats-Msg-Id": f"c{n}"}
        await publish(connection, [Outgoing("cmd.03", b"{}", headers)])
    waiting = await raw.read_queue(connection, subjects.CMD)
    assert [(m.sequence, m.subject, m.data) for m in waiting] == [
        (n, "cmd.03", b"{}") for n in (1, 2, 3)
    ]
    async with another() as other:
        await topology.ensure_streams(other)
        assert await restore_streams.resend_commands(other, waiting) == 3
        there = await raw.read_queue(other, subjects.CMD)
        assert [m.headers["Ej-Command"] for m in there] == ["c0", "c1", "c2"]


BEGIN = {"Nats-Batch-Id": "x", "Nats-Batch-Sequence": "1"}
END = BEGIN | {"Nats-Batch-Sequence": "2", "Nats-Batch-Commit": "1"}


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        pytest.param([], 0, id="nothing"),
        pytest.param([{}], 1, id="an append of one"),
        pytest.param([BEGIN, END], 2, id="a whole append"),
        pytest.param([{}, BEGIN], 1, id="the beginning of one"),
        pytest.param([END, BEGIN, BEGIN], 1, id="the beginning of another"),
        pytest.param([BEGIN], 0, id="nothing that is whole"),
    ],
)
def test_an_append_that_goes_on_is_not_whole(headers, length):
    messages = [
        StoredMessage(sequence=n, subject="s", headers=h, data=b"") for n, h in enumerate(headers)
    ]
    assert complete_length(messages) == length
