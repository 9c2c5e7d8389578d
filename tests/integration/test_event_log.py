"""The event log on a real server: atomic, guarded, read by literal subjects."""

import asyncio
from datetime import UTC, datetime

import pytest

from eventjob.bus import subjects
from eventjob.bus.errors import Conflict, Poison
from eventjob.bus.log.event_codec import NewEvent
from eventjob.contracts.events import BatchArchived, BatchPaused, BatchResumed

AT = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)
GROUP = "b-one"
SUBJECT = subjects.event_subject(GROUP)


def new(event, expected=None, subject=SUBJECT):
    return NewEvent(subject, event, expected, "c1", "ann, ü")


async def test_what_is_appended_is_read_back_with_actor_and_command(log):
    last = await log.append([new(BatchPaused(at=AT), 0), new(BatchResumed(at=AT))])
    first, second = await log.read(GROUP)
    assert (first.sequence, second.sequence) == (last - 1, last)
    assert first.event == BatchPaused(at=AT)
    assert (first.group, first.n, first.actor, first.command_id) == (GROUP, None, "ann, ü", "c1")


async def test_a_single_event_needs_no_batch(log):
    assert await log.append([new(BatchPaused(at=AT), 0)]) == 1


async def test_a_stale_writer_conflicts_and_nothing_of_its_append_is_stored(log):
    await log.append([new(BatchPaused(at=AT), 0)])
    other = subjects.event_subject("b-two")
    with pytest.raises(Conflict):
        await log.append([new(BatchArchived(at=AT), 0, other), new(BatchResumed(at=AT), 0)])
    assert await log.read("b-two") == []
    assert await log.last_sequence() == 1


async def test_a_thousand_events_are_one_append(log):
    events = [new(BatchPaused(at=AT), 0)] + [new(BatchResumed(at=AT))] * 999
    assert await log.append(events) == 1000
    assert len(await log.read(GROUP)) == 1000


async def test_the_log_is_followed_from_where_one_left_off(log):
    await log.append([new(BatchPaused(at=AT), 0), new(BatchResumed(at=AT))])
    seen = []
    async with asyncio.timeout(10):
        async for stretch in log.follow(1):
            seen += stretch
            if len(seen) == 1:
                await log.append([new(BatchArchived(at=AT), 2)])
            if len(seen) == 2:
                break
    assert [record.sequence for record in seen] == [2, 3]


async def test_an_event_that_cannot_be_read_stops_the_follower_after_those_before_it(
    log, connection
):
    await log.append([new(BatchPaused(at=AT), 0)])
    await connection.jetstream.publish(SUBJECT, b'{"type": "OfTomorrow"}')
    seen = []
    with pytest.raises(Poison, match="event 2"):
        async with asyncio.timeout(10):
            async for stretch in log.follow(0):
                seen += stretch
    assert [record.sequence for record in seen] == [1]


async def test_a_purge_leaves_the_tombstone(log):
    await log.append([new(BatchPaused(at=AT), 0), new(BatchResumed(at=AT))])
    await log.purge(SUBJECT, keep=1)
    assert [record.sequence for record in await log.read(GROUP)] == [2]


async def test_all_that_was_acknowledged_survives_a_kill(log, connection, nats_server):
    await log.append([new(BatchPaused(at=AT), 0)])
    back = asyncio.Event()
    connection.on_reconnect(back.set)
    nats_server.kill()
    nats_server.start()
    await asyncio.wait_for(back.wait(), 10)
    assert len(await log.read(GROUP)) == 1
