"""What is said while the MongoDB server is away, hangs, or does not let us in; and that it ends."""

import time

import pytest
from mongo_server import SecantusServer, needs_secantus
from pymongo import AsyncMongoClient
from stores import job

from eventjob.domain.access import Caller
from eventjob.projection.mongo.store import READ_TIMEOUT_S, MongoStore
from eventjob.projection.store import Changes, JobQuery, StoreRefused, StoreUnavailable

pytestmark = needs_secantus
ALL = JobQuery(caller=Caller(None, trusted=True))


@pytest.fixture(params=["secantusdb"])
def server():
    server = SecantusServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def store(server):
    store = MongoStore(server.url("jobs", user="me:secret@"))
    yield store
    await store.close()


@pytest.fixture
async def filled(server):
    store = MongoStore(server.url("jobs"))
    await store.apply(Changes(jobs=[job(1)], checkpoint=1))
    yield store
    await store.close()


async def check_unavailable(store, said, within_s):
    for ask in (
        store.checkpoint,
        lambda: store.job("job-1"),
        lambda: store.list_jobs(ALL),
        lambda: store.apply(Changes(jobs=[job(2)], after=1, checkpoint=2)),
    ):
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match=said) as caught:
            await ask()
        assert time.monotonic() - began < within_s
        assert not isinstance(caught.value, StoreRefused)
        assert "127.0.0.1" not in str(caught.value)


async def test_a_server_that_was_away_has_everything_and_takes_more(server, filled):
    server.kill()
    await check_unavailable(filled, "no MongoDB server answers|connection to MongoDB is lost", 4)
    server.start()
    assert (await filled.checkpoint(), await filled.job("job-1")) == (1, job(1))
    await filled.apply(Changes(jobs=[job(2)], after=1, checkpoint=2))
    assert (await filled.list_jobs(ALL)).total == 2


async def test_a_read_does_not_wait_long_for_a_server_that_hangs(server, filled):
    with server.frozen():
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="does not answer in time"):
            await filled.job("job-1")
        assert time.monotonic() - began < READ_TIMEOUT_S + 2
    assert await filled.job("job-1") == job(1)


async def test_who_is_not_let_in_needs_a_person(server, store):
    async with AsyncMongoClient(server.url("admin")) as client:
        await client.admin.command(
            {"createUser": "me", "pwd": "another", "roles": [{"role": "root", "db": "admin"}]}
        )
    server.kill()
    server.start("--auth")
    with pytest.raises(StoreRefused, match="user or password is wrong") as caught:
        await store.checkpoint()
    assert "secret" not in str(caught.value)
