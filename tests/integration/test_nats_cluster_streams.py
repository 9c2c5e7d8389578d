"""Three servers that keep each stream and bucket three times."""

import asyncio
import time

import pytest
from fakes import QuietLog
from nats_cluster import NatsCluster

from eventjob.bus.buckets.hosts import open_hosts
from eventjob.bus.buckets.http_cache import open_http_cache
from eventjob.bus.buckets.leases import Leases
from eventjob.bus.buckets.objects import Objects
from eventjob.bus.roles.backlog import prepare_partitions

STREAMS = {
    "EVENTS", "CMD", "PARKED", "TASKS", "REPORTS", "KV_leases", "KV_hosts", "KV_http",
    "OBJ_snapshots",
}  # fmt: skip


@pytest.fixture(scope="module")
def cluster():
    with NatsCluster() as cluster:
        yield cluster


@pytest.fixture
async def connection(cluster):
    connection = await cluster.connect()
    yield connection
    await connection.close()


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
    until = time.monotonic() + 10
    while not leases.held:
        assert time.monotonic() < until
        await asyncio.sleep(0.1)
    stop.set()
    await keeping
    found = await connection.jetstream.streams_info()
    assert {info.config.name: info.config.num_replicas for info in found} == dict.fromkeys(
        STREAMS, 3
    )
