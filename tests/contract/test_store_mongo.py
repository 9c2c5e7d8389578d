"""What MongoDB adds to a store: two writers, crashes between two writes, and who else is there."""

import asyncio

import msgspec
import pytest
from mongo_server import KIND, needs_mongo, url_for
from stores import at, batch, batch_job, job
from tables import table

from eventjob.contracts.base import FileRef
from eventjob.domain.access import Caller
from eventjob.projection.mongo import write as store_mongo_write
from eventjob.projection.mongo.database import Database
from eventjob.projection.mongo.generations import Generations
from eventjob.projection.mongo.schema import SCHEMA_VERSION
from eventjob.projection.mongo.store import MongoStore
from eventjob.projection.store import BatchQuery, Changes, JobQuery, StoreMoved, StoreRefused

pytestmark = needs_mongo
TRUSTED = Caller(None, trusted=True)
ALL = JobQuery(caller=TRUSTED)
LATER = at(10**9)


@pytest.fixture(params=[KIND])
def url(tmp_path):
    return url_for(tmp_path)


@pytest.fixture
async def store(url):
    store = MongoStore(url)
    yield store
    await store.close()


@pytest.fixture
async def database(url):
    database = Database(url)
    yield database
    await database.close()


def with_file(number, letter, **changes):
    sha256 = letter * 64
    file = FileRef(path=letter, sha256=sha256, size_bytes=1, media_type="text/plain")
    return job(number, files=[file], **changes)


BEFORE = Changes(
    jobs=[with_file(1, "a"), with_file(2, "b"), with_file(3, "c"), job(4)],
    batches=[batch("x", 5), batch("y", 6)],
    checkpoint=6,
)
STRETCH = Changes(
    jobs=[with_file(1, "d", sequence=7), with_file(4, "b", sequence=8), batch_job(1, 9)],
    batches=[batch("x", 5, sequence=9)],
    deleted_jobs={"job-2", "job-3"},
    deleted_groups={"b-y"},
    after=6,
    checkpoint=12,
)


class Crash(Exception):
    """The process is gone."""


def crash_after(step):
    async def crash(*arguments):
        await step(*arguments)
        raise Crash

    return crash


async def seen(store):
    """All that a reader can see."""
    jobs = await store.list_jobs(ALL)
    batches = await store.list_batches(BatchQuery(caller=TRUSTED, archived=None))
    return jobs, batches, sorted(await store.orphans(LATER, 10)), await store.checkpoint()


STEPS = "_note_candidates _write_newer _remember_deletions _delete apply clear_orphans"


@table("step", *STEPS.split())
async def test_a_crash_between_two_writes_is_made_good_by_the_replay(store, monkeypatch, step):
    await store.apply(BEFORE)
    with monkeypatch.context() as patch:
        patch.setattr(store_mongo_write, step, crash_after(getattr(store_mongo_write, step)))
        with pytest.raises(Crash):
            await store.apply(STRETCH)
    assert await store.checkpoint() == 6
    await store.apply(STRETCH)
    jobs, batches, orphans, checkpoint = await seen(store)
    assert jobs.documents == [*sorted(STRETCH.jobs, key=lambda job: -job.position)]
    assert batches.documents == [*STRETCH.batches]
    assert orphans == ["a" * 64, "c" * 64]
    assert checkpoint == 12


async def test_a_checkpoint_whose_answer_was_lost_is_where_the_next_stretch_begins(
    store, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(Generations, "advance", crash_after(Generations.advance))
        with pytest.raises(Crash):
            await store.apply(BEFORE)
    with pytest.raises(StoreMoved):
        await store.apply(BEFORE)
    assert await store.checkpoint() == 6
    await store.apply(STRETCH)


@pytest.mark.parametrize("gone", [{"deleted_jobs": {"job-x.1"}}, {"deleted_groups": {"b-x"}}])
async def test_a_writer_that_comes_late_brings_nothing_back(store, url, monkeypatch, gone):
    late = Changes(jobs=[batch_job(1, 1), job(2)], checkpoint=2)
    write, other = store_mongo_write.apply, MongoStore(url)

    async def write_late(*arguments):
        monkeypatch.undo()
        await other.apply(msgspec.structs.replace(late, checkpoint=3, **gone))
        await write(*arguments)

    monkeypatch.setattr(store_mongo_write, "apply", write_late)
    with pytest.raises(StoreMoved):
        await store.apply(late)
    assert (await store.list_jobs(ALL)).documents == [job(2)]
    assert await store.checkpoint() == 3
    await other.close()


async def test_no_reader_sees_half_of_a_rebuild(store, url):
    async def rebuild():
        for number in range(1, 9):
            beside = await store.create_generation()
            jobs = [batch_job(n, number) for n in range(1, 11)]
            await beside.apply(Changes(jobs=jobs, checkpoint=number))
            assert await store.adopt(beside)
            await beside.close()

    async def read(reader):
        while await reader.checkpoint() < 8:
            page = await reader.list_jobs(ALL)
            assert (page.total, len(page.documents)) == (10, 10)
            assert len({job.sequence for job in page.documents}) == 1
            assert await reader.job("job-x.1") is not None
        await reader.close()

    await store.apply(Changes(jobs=[batch_job(n, 1) for n in range(1, 11)], checkpoint=1))
    async with asyncio.timeout(60):
        await asyncio.gather(rebuild(), *(read(MongoStore(url)) for _ in range(3)))


async def test_a_rebuild_leaves_nothing_behind_and_touches_nothing_of_others(store, database):
    await database["jobs_of_somebody_else"].insert_one({"precious": 1})
    await store.apply(Changes(jobs=[job(1)], checkpoint=1))
    interrupted = await store.create_generation()
    await interrupted.apply(Changes(jobs=[job(1)], checkpoint=1))
    await interrupted._database.close()
    beside = await store.create_generation()
    await beside.apply(Changes(jobs=[job(1), job(2)], checkpoint=2))
    assert await store.adopt(beside)
    await beside.close()
    generation = (await store.progress.locate()).generation
    assert sorted(await database.names()) == sorted(
        [f"{kind}_{generation}" for kind in ("jobs", "batches", "gone")]
        + ["jobs_of_somebody_else", "orphans", "progress"]
    )


async def test_documents_are_kept_as_they_are_also_where_bson_could_not(store):
    extra = (
        rb'{"extra":{"n":123456789012345678901234567890,"$where":{"$gt":""},"a.b":1.10,'
        rb'"\u0000":"\u0000","":null,"e":1e400}}'
    )
    odd = job(1, job_id="job-ü-漢-🎉", owner="$where", parameters=msgspec.Raw(extra))
    await store.apply(Changes(jobs=[odd], checkpoint=1))
    assert bytes((await store.job("job-ü-漢-🎉")).parameters) == extra
    found = await store.list_jobs(JobQuery(caller=Caller("$where"), owner="$where"))
    assert found.documents == [odd]


async def test_another_programs_database_is_refused_and_left_alone(store, database):
    theirs = {"_id": "projection", "of": "something else"}
    await database["progress"].insert_one(theirs)
    with pytest.raises(StoreRefused, match="another program"):
        await store.checkpoint()
    assert await database["progress"].find_one() == theirs


async def set_version(database, version):
    await database["progress"].update_one({}, {"$set": {"schema": version}})


async def test_a_newer_versions_database_is_refused_until_it_is_none(store, database):
    await store.apply(Changes(jobs=[job(1)], checkpoint=1))
    await set_version(database, SCHEMA_VERSION + 1)
    with pytest.raises(StoreRefused, match="a newer version wrote the database"):
        await store.job("job-1")
    await set_version(database, SCHEMA_VERSION)
    assert await store.job("job-1") == job(1)


async def test_an_older_versions_database_is_emptied_to_be_filled_again(store, url, database):
    await store.apply(Changes(jobs=[job(1)], checkpoint=1))
    await set_version(database, SCHEMA_VERSION - 1)
    newer = MongoStore(url)
    assert await newer.checkpoint() == 0
    assert await newer.job("job-1") is None
    await newer.apply(Changes(jobs=[job(2)], checkpoint=2))
    assert len(await database.names()) == 5
    await newer.close()


async def test_documents_that_vanish_are_missed_by_reader_and_writer(store, database):
    await store.apply(Changes(jobs=[job(1)], checkpoint=1))
    for name in await database.names():
        await database[name].drop()
    with pytest.raises(StoreMoved, match="at 0 and not at 1"):
        await store.apply(Changes(jobs=[job(2)], after=1, checkpoint=2))
    assert await store.checkpoint() == 0
    assert await store.job("job-1") is None


async def test_many_may_open_a_new_database_at_the_same_time(url):
    stores = [MongoStore(url) for _ in range(8)]
    assert set(await asyncio.gather(*(store.checkpoint() for store in stores))) == {0}
    generations = {(await store.progress.locate()).generation for store in stores}
    assert len(generations) == 1
    for store in stores:
        await store.close()


async def test_the_names_in_the_database_change_only_together_with_the_schema_version(
    store, database
):
    """If this fails: raise SCHEMA_VERSION, so that stored documents are built anew, then adapt."""
    await store.apply(Changes(jobs=[job(1)], batches=[batch("x", 2)], checkpoint=2))
    generation = (await store.progress.locate()).generation
    both = "_id group sequence position status owner readers created_at updated_at blobs document"
    for name, own in (("jobs", "batch_id"), ("batches", "archived")):
        found = await database[f"{name}_{generation}"].find_one()
        assert set(found) == {*both.split(), own}
        assert found["readers"] == ["@ann"]
    assert await database["progress"].find_one() == {
        "_id": "projection",
        "schema": 2,
        "generation": generation,
        "checkpoint": 2,
    }
    assert SCHEMA_VERSION == 2
