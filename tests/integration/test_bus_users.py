"""Services as users of their own on one bus: what they need they may, and what they forge fails."""

import asyncio
import contextlib

import pytest
from bus_users import Users, UsersMachine, state, until
from fakes import QuietLog
from machine import batch, types

from eventjob.bus.buckets.hosts import open_hosts
from eventjob.bus.buckets.http_cache import open_http_cache
from eventjob.bus.buckets.leases import Leases
from eventjob.bus.buckets.objects import Objects
from eventjob.bus.errors import NoAnswer, Unavailable
from eventjob.bus.roles.provisioning import ensure_for_scheduler, provision
from eventjob.bus.wire.client import Denied
from eventjob.bus.wire.publish import Outgoing, publish
from eventjob.contracts.replies import Accepted

GROUP = "b-one"
WITHIN_S = 20


@pytest.fixture
async def bare(users_bus):
    """A bus on which nothing is made yet."""
    async with Users(users_bus) as users:
        yield users


@pytest.fixture
async def machine(users):
    async with UsersMachine(users.url) as machine:
        yield machine
    assert "nats.denied" not in machine.log.events()


async def test_a_batch_goes_all_the_way(machine):
    await machine.schedule()
    await machine.work()
    reply = await machine.send(batch("batch-one", 300), GROUP)
    assert isinstance(reply, Accepted)
    seen = types(await machine.until("BatchCompleted"))
    assert seen["JobFetched"] == seen["JobCompleted"] == 300


async def test_after_a_crash_of_the_server_the_scheduler_makes_again_what_was_in_memory(
    users_bus, machine, users
):
    await machine.schedule()
    await machine.work()
    hosts = await open_hosts(await users.connection("processor"))
    assert await hosts.compare_and_set("a.example", b"x", 0)
    users_bus.kill()
    users_bus.start()

    async def is_decided():
        with contextlib.suppress(Unavailable, NoAnswer):
            return isinstance(await machine.send(batch("batch-one", 3), GROUP), Accepted)
        return False

    await until(is_decided)
    assert types(await machine.until("BatchCompleted"))["JobCompleted"] == 3
    assert (await hosts.read("a.example")).value == b""
    assert await hosts.compare_and_set("a.example", b"y", 0)


async def test_each_bucket_serves_whom_it_is_for(users):
    processor = await users.connection("processor")
    cache = await open_http_cache(processor)
    await cache.write("key", b"value")
    assert await cache.read("key") == b"value"
    await cache.delete("key")
    hosts = await open_hosts(processor)
    waiting = asyncio.create_task(hosts.wait_for_change("b.example", 5))
    await asyncio.sleep(0.1)
    assert await hosts.compare_and_set("b.example", b"x", 0)
    await waiting
    objects = Objects(await users.connection("scheduler"))
    for data in (b"1" * 300_000, b"2"):
        await objects.put("name", data)
        assert await objects.get("name") == data
    assert not any(users.denied.values())


@pytest.mark.parametrize("role", ["scheduler", "projector"])
async def test_without_provision_a_lease_says_what_to_run(bare, role):
    log, stop = QuietLog(), asyncio.Event()
    connection = await bare.connection(role)
    leases = Leases(connection, role=role, instance="one", parts=["00"], log=log)
    keeping = asyncio.create_task(leases.maintain(stop))
    await asyncio.sleep(1.2)
    said = [fields["reason"] for _, event, fields in log.lines if event == "leases.wait"]
    assert said == ["KV_leases is missing: run `eventjob provision`"]
    await provision(await bare.connection("provision"))
    async with asyncio.timeout(WITHIN_S):
        while not leases.held:
            await leases.wait_for_change(0.1)
    stop.set()
    await keeping


async def test_without_provision_each_says_what_is_missing(bare):
    with pytest.raises(Unavailable, match="EVENTS is missing: run `eventjob provision`"):
        await ensure_for_scheduler(await bare.connection("scheduler"))
    processor = await bare.connection("processor")
    for opening in (open_hosts, open_http_cache):
        with pytest.raises(Unavailable, match="is missing: run `eventjob provision`"):
            await opening(processor)
    assert not any(bare.denied.values())


FORGED = [
    ("api", "rep.00"),
    ("api", "ev.00.b-x"),
    ("api", "task.fetch.00.b-x.1.1"),
    ("processor", "ev.00.b-x"),
    ("processor", "cmd.00"),
    ("archiver", "cmd.00"),
    ("projector", "rep.00"),
    ("subscriber", "cmd.00"),
]


async def test_what_is_forged_is_stored_nowhere_and_said_to_be_denied(users, monkeypatch):
    monkeypatch.setattr("eventjob.bus.wire.publish.ANSWER_WITHIN_S", 0.3)
    for user, subject in FORGED:
        connection = await users.connection(user)
        denied = f"user {user} may not publish to {subject}"
        with pytest.raises(Unavailable, match=denied):
            await publish(connection, [Outgoing(subject, b"{}")])
        assert users.denied[user] == [denied]
        users.denied[user].clear()
    for stream in ("EVENTS", "CMD", "REPORTS", "TASKS"):
        assert (await state(users, stream)).last_seq == 0


async def test_nobody_deletes_what_lasts(users):
    streams = ("EVENTS", "CMD", "PARKED", "KV_http", "KV_leases", "OBJ_snapshots")
    for user in ("api", "scheduler", "projector", "processor", "archiver"):
        connection = await users.connection(user)
        connection.jetstream._timeout = 0.2
        for stream in streams:
            denied = f"{user} may not publish to .*delete.{stream.lower()}"
            with pytest.raises(Denied, match=denied):
                await connection.jetstream.delete_stream(stream)
            await state(users, stream)
