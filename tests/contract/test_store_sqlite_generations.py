"""One SQLite file, several processes, and a generation that replaces another under them."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest
from stores import batch_job, job

from eventjob.contracts.base import FileRef
from eventjob.domain.access import Caller
from eventjob.projection.open_store import open_store
from eventjob.projection.sqlite import generations as store_sqlite_generations
from eventjob.projection.sqlite import read as store_sqlite_read
from eventjob.projection.store import Changes, JobQuery, StoreMoved

ALL = JobQuery(caller=Caller(None, trusted=True), limit=1000)
GENERATIONS = 12
JOBS = 40
WITHIN_S = 60

# every read must be whole and of one generation, never of an earlier one than the read before
HAMMERS = """
import asyncio, sys
sys.path[:0] = sys.argv[2:]
from test_store_sqlite_generations import hammer
asyncio.run(hammer(sys.argv[1]))
"""


@pytest.fixture
def url(tmp_path):
    return f"sqlite://{tmp_path}/projection.db"


@pytest.fixture
async def store(url):
    store = open_store(url)
    yield store
    await store.close()


def documents(generation):
    """The same jobs in each generation; their names say which it is."""
    return [
        batch_job(n, 1, job_name=f"{generation}", sequence=generation) for n in range(1, JOBS + 1)
    ]


async def hammer(url):
    """Reads, single and in lists, until the last generation is there; says how many it did."""
    store = open_store(url)
    print("begins", flush=True)
    seen, reads = 1, 0
    while seen < GENERATIONS:
        page = await store.list_jobs(ALL)
        rest = await store.list_jobs(ALL)
        one = await store.job("job-x.7")
        names = {document.job_name for document in page.documents}
        assert (page.total, len(page.documents), len(names)) == (JOBS, JOBS, 1), (page.total, names)
        assert one is not None
        generations = [int(*names), int(rest.documents[0].job_name), int(one.job_name)]
        assert generations == sorted(generations) >= [seen]
        seen, reads = generations[-1], reads + 3
    await store.close()
    print(reads)


async def replace_again_and_again(store):
    for generation in range(2, GENERATIONS + 1):
        beside = await store.create_generation()
        await beside.apply(Changes(jobs=documents(generation), checkpoint=generation))
        assert await store.adopt(beside)
        await beside.close()


async def test_readers_in_other_processes_and_threads_see_one_whole_generation(store, url):
    await store.apply(Changes(jobs=documents(1), checkpoint=1))
    command = [sys.executable, "-c", HAMMERS, url, *map(str, Path(__file__).parents[:2])]
    others = [
        await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE) for _ in range(2)
    ]
    try:
        async with asyncio.timeout(WITHIN_S):
            for other in others:
                assert await other.stdout.readline() == b"begins\n"
            await asyncio.gather(replace_again_and_again(store), hammer(url), hammer(url))
            for other in others:
                said, _ = await other.communicate()
                assert other.returncode == 0
                assert int(said) >= GENERATIONS
    finally:
        for other in others:
            if other.returncode is None:
                other.kill()
                await other.wait()


async def test_a_read_that_has_begun_ends_with_the_generation_it_began_with(store, url):
    await store.apply(Changes(jobs=documents(1), checkpoint=1))
    reader = open_store(url)
    begun, replaced = threading.Event(), threading.Event()

    def read(generation):
        begun.set()
        assert replaced.wait(WITHIN_S)
        return store_sqlite_read.find_page(generation, "jobs", ALL)

    reading = asyncio.create_task(reader._read(read))
    assert await asyncio.to_thread(begun.wait, WITHIN_S)
    beside = await store.create_generation()
    await beside.apply(Changes(jobs=documents(2), checkpoint=2))
    assert await store.adopt(beside)
    await beside.close()
    replaced.set()
    found = await reading
    assert found.total == JOBS
    assert {msgspec.json.decode(document)["job_name"] for document in found.documents} == {"1"}
    assert (await reader.job("job-x.1")).job_name == "2"
    await reader.close()


async def test_a_writer_in_another_process_begins_again_and_loses_nothing(store, url):
    """Each adoption comes between a writer's read and its write."""
    await store.apply(Changes(jobs=documents(1), checkpoint=1))
    writer = open_store(url)
    moved = 0
    for generation in range(2, 6):
        beside = await store.create_generation()
        await beside.apply(Changes(jobs=documents(generation), checkpoint=generation))
        known = await writer.checkpoint()
        assert await store.adopt(beside)
        await beside.close()
        while True:
            try:
                await writer.apply(Changes(after=known, checkpoint=known))
                break
            except StoreMoved:
                moved += 1
                known = await writer.checkpoint()
        assert known == generation
    await writer.close()
    assert moved == 4


def tables(url):
    file = sqlite3.connect(url.removeprefix("sqlite://"))
    found = {name for (name,) in file.execute("SELECT name FROM sqlite_master")}
    states = file.execute("SELECT generation, state FROM progress").fetchall()
    file.close()
    return {name for name in found if not name.startswith("sqlite_")}, states


async def test_of_what_was_replaced_or_given_up_nothing_is_left(store, url, monkeypatch):
    monkeypatch.setattr(store_sqlite_generations, "MAX_ROWS", 3)
    monkeypatch.setattr(store_sqlite_generations, "MAX_STEP_S", 0)
    await store.apply(Changes(jobs=documents(1), checkpoint=1))
    before, _ = tables(url)
    beside = await store.create_generation()
    await beside.apply(Changes(jobs=documents(2), checkpoint=2))
    assert len(tables(url)[0]) > len(before)
    assert await store.adopt(beside)
    await beside.close()
    after, states = tables(url)
    assert states == [(2, "current")]
    assert {name.removesuffix("_2") for name in after} == {
        name.removesuffix("_1") for name in before
    }
    unwanted = await store.create_generation()
    await unwanted.apply(Changes(jobs=documents(3), checkpoint=3))
    await unwanted.close()
    assert tables(url) == (after, states)


async def test_what_a_killed_rebuild_left_goes_with_the_next_one(store, url):
    await store.apply(Changes(jobs=documents(1), checkpoint=1))
    killed = await store.create_generation()
    await killed.apply(Changes(jobs=documents(2), checkpoint=2))
    beside = await store.create_generation()
    assert tables(url)[1] == [(1, "current"), (3, "beside")]
    assert not any(name.endswith("_2") for name in tables(url)[0])
    await beside.close()
    await killed.close()
    assert tables(url)[1] == [(1, "current")]


async def test_a_removal_that_was_interrupted_is_ended_by_the_next_rebuild(store, url, monkeypatch):
    """Blobs that only the replaced generation knew are not forgotten either."""
    blob = FileRef(path="a", sha256="a" * 64, size_bytes=1, media_type="text/plain")
    await store.apply(Changes(jobs=[job(1, files=[blob])], checkpoint=1))
    beside = await store.create_generation()
    await beside.apply(Changes(checkpoint=1))
    with monkeypatch.context() as patch:
        patch.setattr(store_sqlite_generations, "remove_step", lambda _file, now_ms: now_ms < 0)
        assert await store.adopt(beside)
    await beside.close()
    assert tables(url)[1] == [(2, "current")]
    assert await store.orphans(job(10**9).created_at, 9) == ["a" * 64]
