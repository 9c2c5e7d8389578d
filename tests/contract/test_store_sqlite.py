"""What SQLite adds to a store: its file may be absent, foreign, broken, replaced, and come back."""

import asyncio
import sqlite3
import subprocess
import sys
from itertools import product

import msgspec
import pytest
from stores import batch, batch_job, job
from tables import table

from eventjob.domain.access import Caller
from eventjob.projection.mongo import schema
from eventjob.projection.open_store import open_store
from eventjob.projection.read_model import BatchDocument, JobDocument
from eventjob.projection.sqlite import read as store_sqlite_read
from eventjob.projection.sqlite.generations import read_current
from eventjob.projection.sqlite.schema import SCHEMA_VERSION
from eventjob.projection.store import (
    BatchQuery,
    Changes,
    JobQuery,
    PageStart,
    StoreRefused,
    StoreUnavailable,
)

TRUSTED = Caller(None, trusted=True)
BOB = Caller("bob")


@pytest.fixture
def path(tmp_path):
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder" / "projection.db"


@pytest.fixture
async def store(path):
    store = open_store(f"sqlite://{path}")
    yield store
    await store.close()


async def test_a_path_with_spaces_and_umlauts_is_a_path(tmp_path):
    store = open_store(f"sqlite://{tmp_path}/so%20sch%C3%B6n.db")
    await store.apply(Changes(checkpoint=1))
    await store.close()
    assert (tmp_path / "so schön.db").exists()


async def test_another_process_reads_what_was_written_and_so_does_the_next_life(store, path):
    await store.apply(Changes(jobs=[job(1)], checkpoint=1))
    count = (
        "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone())"
    )
    said = await asyncio.to_thread(
        subprocess.check_output,
        [sys.executable, "-c", count, str(path), "SELECT count(*) FROM jobs_1"],
    )
    assert said == b"(1,)\n"
    await store.close()
    again = open_store(f"sqlite://{path}")
    assert await again.checkpoint() == 1
    assert await again.job("job-1") == job(1)
    await again.close()


async def test_a_missing_folder_is_said_without_its_path_and_it_may_come_back(store, path):
    away = path.parent.rename(path.parent.with_name("away"))
    with pytest.raises(StoreUnavailable, match=r"projection\.db: unable to open") as caught:
        await store.checkpoint()
    assert str(path.parent) not in str(caught.value)
    away.rename(path.parent)
    await store.apply(Changes(jobs=[job(1)], checkpoint=1))
    assert await store.checkpoint() == 1


async def test_a_file_that_vanished_begins_anew_and_takes_no_changes_in_its_middle(store, path):
    await store.apply(Changes(jobs=[job(1)], checkpoint=1))
    for file in path.parent.iterdir():
        file.unlink()
    with pytest.raises(StoreUnavailable, match="at 0 and not at 1"):
        await store.apply(Changes(jobs=[job(2)], after=1, checkpoint=2))
    assert await store.checkpoint() == 0
    assert await store.job("job-1") is None


async def test_a_broken_file_is_unavailable_until_it_is_replaced(store, path):
    path.write_bytes(b"no database at all, but long enough to be one" * 100)
    for attempt in (store.checkpoint, lambda: store.apply(Changes(checkpoint=1))):
        with pytest.raises(StoreUnavailable, match="not a database"):
            await attempt()
    path.unlink()
    assert await store.checkpoint() == 0


async def test_another_programs_database_is_refused_and_left_alone(store, path):
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE precious (thing)")
    other.close()
    with pytest.raises(StoreRefused, match="another program"):
        await store.checkpoint()
    other = sqlite3.connect(path)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("precious",)]
    other.close()


def set_version(path, version):
    file = sqlite3.connect(path)
    file.execute(f"PRAGMA user_version = {version}")
    file.close()


async def test_a_newer_versions_file_is_refused_and_left_alone(store, path):
    await store.apply(Changes(jobs=[job(1)], checkpoint=1))
    await store.close()
    set_version(path, SCHEMA_VERSION + 1)
    older = open_store(f"sqlite://{path}")
    with pytest.raises(StoreRefused, match=r"projection\.db: a newer version wrote the file"):
        await older.checkpoint()
    await older.close()
    set_version(path, SCHEMA_VERSION)
    again = open_store(f"sqlite://{path}")
    assert await again.checkpoint() == 1
    await again.close()


async def test_an_older_versions_file_is_emptied_to_be_filled_again(store, path):
    await store.apply(Changes(jobs=[job(1)], checkpoint=1))
    await store.close()
    set_version(path, SCHEMA_VERSION - 1)
    newer = open_store(f"sqlite://{path}")
    assert await newer.checkpoint() == 0
    assert await newer.job("job-1") is None
    await newer.apply(Changes(jobs=[job(1)], checkpoint=1))
    await newer.close()


async def test_many_may_open_a_new_file_at_the_same_time(path):
    stores = [open_store(f"sqlite://{path}") for _ in range(8)]
    found = await asyncio.gather(*(store.checkpoint() for store in stores for _ in range(4)))
    assert set(found) == {0}
    for store in stores:
        await store.close()


async def test_no_reader_sees_documents_without_their_checkpoint_or_half_of_them(store):
    sizes = JobQuery(caller=TRUSTED, limit=0)

    async def write():
        for number in range(1, 60):
            jobs = [batch_job(n, number, f"b{number}") for n in range(1, 51)]
            await store.apply(Changes(jobs=jobs, after=number - 1, checkpoint=number))

    async def read():
        while (before := await store.checkpoint()) < 59:
            total = (await store.list_jobs(sizes)).total
            after = await store.checkpoint()
            assert total % 50 == 0
            assert before <= total // 50 <= after

    async with asyncio.timeout(30):
        await asyncio.gather(write(), read(), read(), read())


async def test_a_disk_that_is_full_fails_the_write_whole_and_later_ones_succeed(store):
    await store.apply(Changes(jobs=[job(1)], checkpoint=1))
    (connection,) = [idle.sqlite for idle in store._connections._idle]
    connection.execute("PRAGMA max_page_count = 1")
    many = [job(n, job_name="x" * 5000) for n in range(2, 200)]
    with pytest.raises(StoreUnavailable, match="full"):
        await store.apply(Changes(jobs=many, after=1, checkpoint=200))
    assert (await store.checkpoint(), await store.jobs(["job-2"])) == (1, {})
    await store.apply(Changes(jobs=many, after=1, checkpoint=200))
    assert await store.checkpoint() == 200


def plan(path, table, query):
    """The steps by which SQLite finds a page."""
    connection = sqlite3.connect(path)
    said = []
    connection.set_trace_callback(said.append)
    store_sqlite_read.find_page(read_current(connection), table, query)
    connection.set_trace_callback(None)
    (page,) = (sql for sql in said if "_documents_" in sql)
    found = [step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {page}")]
    connection.close()
    return found


@table(
    "table_name, query, leading",
    ("jobs", JobQuery(caller=TRUSTED), ["acl", "status"]),
    ("jobs", JobQuery(caller=TRUSTED, status="pending"), ["acl", "status"]),
    ("jobs", JobQuery(caller=TRUSTED, batch_id="batch-x"), ["batch_id", "acl", "status"]),
    ("jobs", JobQuery(caller=BOB, batch_id="batch-x"), ["batch_id", "acl", "status"]),
    ("jobs", JobQuery(caller=TRUSTED, owner="ann", status="failed"), ["acl", "status"]),
    ("jobs", JobQuery(caller=BOB), ["acl", "status"]),
    ("batches", BatchQuery(caller=TRUSTED, archived=None), ["archived", "status"]),
    ("batches", BatchQuery(caller=TRUSTED, status="failed"), ["archived", "status"]),
    ("batches", BatchQuery(caller=BOB, archived=None), ["acl", "archived", "status"]),
)
async def test_each_row_of_a_page_is_one_step_in_the_index_of_its_filters(
    store, path, table_name, query, leading
):
    await store.apply(Changes(jobs=[batch_job(1, 1)], batches=[batch("x", 1)], checkpoint=1))
    same = " AND ".join(f"{column}=?" for column in leading)
    pages = product(("created_at", "updated_at"), ("asc", "desc"), (None, PageStart(1, 1)))
    for sort, order, after in pages:
        asked = msgspec.structs.replace(query, sort=sort, order=order, after=after)
        steps = {step for step in plan(path, table_name, asked) if f"{table_name}_1" in step}
        index = "_".join([table_name, *leading, sort, "1"])
        search = f"SEARCH {table_name}_1 USING COVERING INDEX {index} ({same}"
        forward = "<" if order == "desc" else ">"
        assert steps - {f"{search})"} == {
            f"{search} AND {sort}=? AND rowid{forward}?)",
            f"{search} AND {sort}{forward}?)",
        }


@table(
    "document, fields",
    (
        JobDocument,
        (
            "job_id group n sequence position status created_at updated_at job_name job_type "
            "parameters batch_id owner access attempt tries processing_started_at completed_at "
            "progress error bundle files sources archive log"
        ),
    ),
    (
        BatchDocument,
        (
            "batch_id group sequence position batch_name status created_at updated_at "
            "completed_at owner access archived active states content zip zip_error exports"
        ),
    ),
)
def test_documents_change_only_together_with_the_schema_version(document, fields):
    """If this fails: raise both versions, so that stored documents are built anew, then adapt.

    But where the default of a new field is what is true of every document stored before.
    """
    found = " ".join(field.name for field in msgspec.structs.fields(document))
    assert (SCHEMA_VERSION, schema.SCHEMA_VERSION, found) == (3, 2, fields)
