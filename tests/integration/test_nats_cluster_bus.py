"""Three servers: all is kept by each, also while many write and the leader is killed."""

import asyncio
import itertools
from datetime import UTC, datetime

import pytest
from fakes import QuietLog
from nats_cluster import NatsCluster

from eventjob.bus.buckets.hosts import open_hosts
from eventjob.bus.buckets.http_cache import open_http_cache
from eventjob.bus.buckets.leases import Leases
from eventjob.bus.buckets.objects import Objects
from eventjob.bus.errors import Conflict, Unavailable
from eventjob.bus.log.event_codec import NewEvent
from eventjob.bus.log.log import EventLog
from eventjob.bus.roles.backlog import prepare_partitions
from eventjob.bus.streams import topology
from eventjob.bus.subjects import event_subject
from eventjob.contracts.events import BatchPaused, BatchResumed

AT = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)
WRITERS = 20
KILLS = 2
SOME = 200  # acknowledged appends
WITHIN_S = 90


class Writer:
    """Appends to its own subject, each time behind what it was told, or what it reads."""

    def __init__(self, log, number, stopped):
        self._log = log
        self._group = f"b-{number}"
        self._stopped = stopped
        self.acknowledged = {}  # sequence to command id
        self.unknown = 0

    async def run(self):
        last = 0
        for number in itertools.count():
            if self._stopped.is_set():
                return
            events = self._events(f"{self._group}.{number}", last, 1 + number % 3)
            try:
                last = await self._log.append(events)
            except (Conflict, Unavailable):
                self.unknown += 1
                await asyncio.sleep(0.05)
                last = await self._reread()
            else:
                self.acknowledged[last] = events[-1].command_id

    def _events(self, command_id, last, count):
        subject = event_subject(self._group)
        happened = [BatchPaused(at=AT), BatchResumed(at=AT), BatchPaused(at=AT)][:count]
        return [
            NewEvent(subject, event, None if n else last, command_id, "ann")
            for n, event in enumerate(happened)
        ]

    async def _reread(self):
        while True:
            try:
                records = await self._log.read(self._group)
            except Unavailable:
                await asyncio.sleep(0.1)
            else:
                return records[-1].sequence if records else 0


@pytest.fixture(scope="module")
def cluster():
    with NatsCluster() as cluster:
        yield cluster


def acknowledged_by(writers):
    return sum(len(writer.acknowledged) for writer in writers)


async def until(writers, count):
    async with asyncio.timeout(WITHIN_S):
        while acknowledged_by(writers) < count:
            await asyncio.sleep(0.02)


@pytest.fixture
async def connection(cluster):
    connection = await cluster.connect()
    yield connection
    await connection.close()


STREAMS = {
    *("EVENTS", "CMD", "PARKED", "TASKS", "REPORTS", "KV_leases", "KV_hosts", "KV_http"),
    "OBJ_snapshots",
}


async def test_all_that_is_made_is_kept_by_three(connection):
    await prepare_partitions(connection)
    hosts = await open_hosts(connection)
    assert await hosts.compare_and_set("talks.example", b"1", 0)
    cache = await open_http_cache(connection)
    await cache.write("key", b"value")
    await Objects(connection).put("name", b"data")
    leases = Leases(connection, role="r", instance="i", parts=["00"], log=QuietLog())
    stop = asyncio.Event()
    keeping = asyncio.create_task(leases.maintain(stop))
    async with asyncio.timeout(30):
        while not leases.held:
            await asyncio.sleep(0.1)
    stop.set()
    await keeping
    found = await connection.jetstream.streams_info()
    assert {info.config.name: info.config.num_replicas for info in found} == dict.fromkeys(
        STREAMS, 3
    )


@pytest.mark.long
async def test_what_was_acknowledged_is_there_once_and_in_order(cluster, connection):
    log = EventLog(connection)
    await topology.ensure_streams(connection)
    await asyncio.to_thread(cluster.wait_until_whole, "EVENTS")
    stopped = asyncio.Event()
    writers = [Writer(log, number, stopped) for number in range(WRITERS)]
    tasks = [asyncio.create_task(writer.run()) for writer in writers]
    for _ in range(KILLS):
        await until(writers, acknowledged_by(writers) + SOME)
        leader = await asyncio.to_thread(cluster.leader, "EVENTS")
        cluster.kill(leader)
        await until(writers, acknowledged_by(writers) + SOME)
        cluster.start(leader)
        await asyncio.to_thread(cluster.wait_until_whole, "EVENTS")
    stopped.set()
    await asyncio.wait_for(asyncio.gather(*tasks), WITHIN_S)
    assert sum(writer.unknown for writer in writers) > 0, "no kill was noticed"
    records = {}
    async for stretch in log.follow(0, until=await log.last_sequence()):
        records |= {record.sequence: record for record in stretch}
    assert list(records) == list(range(1, len(records) + 1))
    acknowledged = {s: c for writer in writers for s, c in writer.acknowledged.items()}
    assert {s: records[s].command_id for s in acknowledged} == acknowledged
    appended = [(record.group, record.command_id) for record in records.values()]
    whole = {command: len(list(some)) for (_, command), some in itertools.groupby(appended)}
    assert all(count == 1 + int(command.rpartition(".")[2]) % 3 for command, count in whole.items())
    assert len(whole) == len(list(itertools.groupby(appended)))
    print(f"{len(acknowledged)} acknowledged, {len(whole)} stored")
