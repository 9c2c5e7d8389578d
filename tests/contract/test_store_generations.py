"""What every store promises of a projection that grows beside the one that is read."""

import pytest
from stores import at, batch, batch_job, job, opened

from eventjob.contracts.base import FileRef
from eventjob.domain.access import Caller
from eventjob.projection.store import BatchQuery, Changes, JobQuery, StoreMoved, StoreUnavailable

ALL = JobQuery(caller=Caller(None, trusted=True))
ALL_BATCHES = BatchQuery(caller=ALL.caller)
LATER = at(10**9)


@pytest.fixture
async def beside(store):
    beside = await store.create_generation()
    yield beside
    await beside.close()


def blob(letter):
    return letter * 64


def with_files(number, letters, **changes):
    files = [
        FileRef(path=letter, sha256=blob(letter), size_bytes=1, media_type="text/plain")
        for letter in letters
    ]
    return job(number, files=files, **changes)


async def test_what_grows_beside_is_empty_and_seen_by_nobody_else(store):
    await store.apply(Changes(jobs=[job(1)], batches=[batch("x", 2)], checkpoint=2))
    beside = await store.create_generation()
    assert await beside.checkpoint() == 0
    assert await beside.job("job-1") is None
    assert (await beside.list_jobs(ALL)).total == 0
    await beside.apply(Changes(jobs=[job(3)], batches=[batch("y", 4)], checkpoint=4))
    assert (await beside.list_jobs(ALL)).documents == [job(3)]
    assert await store.checkpoint() == 2
    assert (await store.list_jobs(ALL)).documents == [job(1)]
    assert (await store.list_batches(ALL_BATCHES)).documents == [batch("x", 2)]
    await beside.close()


async def test_what_was_read_is_replaced_whole_by_what_is_adopted(store, beside, kind, tmp_path):
    await store.apply(Changes(jobs=[job(1), job(2)], batches=[batch("x", 2)], checkpoint=2))
    await beside.apply(Changes(jobs=[batch_job(1, 4, "y")], checkpoint=4))
    async with opened(kind, tmp_path) as another:
        assert (await another.list_jobs(ALL)).total == 2
        assert await store.adopt(beside)
        for reader in (store, another, beside):
            assert await reader.checkpoint() == 4
            assert await reader.jobs(["job-1", "job-y.1"]) == {"job-y.1": batch_job(1, 4, "y")}
            assert (await reader.list_jobs(ALL)).documents == [batch_job(1, 4, "y")]
            assert (await reader.list_batches(ALL_BATCHES)).total == 0
        await another.apply(Changes(jobs=[job(5)], after=4, checkpoint=5))
        assert (await store.list_jobs(ALL)).total == 2


async def test_closing_what_was_adopted_removes_nothing(store):
    beside = await store.create_generation()
    await beside.apply(Changes(jobs=[job(1)], checkpoint=1))
    assert await store.adopt(beside)
    await beside.close()
    assert await store.job("job-1") == job(1)
    await store.apply(Changes(jobs=[job(2)], after=1, checkpoint=2))
    assert (await store.list_jobs(ALL)).total == 2


async def test_what_is_behind_is_not_adopted_until_it_has_caught_up(store, beside):
    await store.apply(Changes(jobs=[job(1), job(2)], checkpoint=2))
    await beside.apply(Changes(jobs=[job(1)], checkpoint=1))
    assert not await store.adopt(beside)
    assert (await store.list_jobs(ALL)).total == 2
    await beside.apply(Changes(jobs=[job(2)], after=1, checkpoint=2))
    assert await store.adopt(beside)
    assert (await store.list_jobs(ALL)).total == 2


async def test_a_writer_that_did_not_notice_is_told(store, beside):
    await store.apply(Changes(jobs=[job(1)], checkpoint=1))
    await beside.apply(Changes(jobs=[job(1), job(2), job(3)], checkpoint=3))
    assert await store.adopt(beside)
    with pytest.raises(StoreMoved):
        await store.apply(Changes(jobs=[job(1, sequence=2)], after=1, checkpoint=2))
    assert await store.job("job-1") == job(1)
    assert await store.checkpoint() == 3
    await store.apply(Changes(jobs=[job(4)], after=3, checkpoint=4))


async def test_documents_from_before_are_not_written_over_those_of_the_same_checkpoint(
    store, beside
):
    """Whoever rebuilds may do so because the documents were wrong."""
    await store.apply(Changes(jobs=[job(1, job_name="wrong")], checkpoint=1))
    assert (await store.jobs(["job-1"]))["job-1"].job_name == "wrong"
    await beside.apply(Changes(jobs=[job(1)], checkpoint=1))
    assert await store.adopt(beside)
    wrong = job(1, job_name="wrong", sequence=2)
    with pytest.raises(StoreMoved):
        await store.apply(Changes(jobs=[wrong], after=1, checkpoint=2))
    assert await store.checkpoint() == 1  # where to begin again
    right = await store.jobs(["job-1"])
    assert right == {"job-1": job(1)}
    await store.apply(Changes(jobs=[job(1, sequence=2)], after=1, checkpoint=2))


async def test_the_last_to_begin_wins(store):
    first = await store.create_generation()
    await first.apply(Changes(jobs=[job(1)], checkpoint=1))
    second = await store.create_generation()
    assert await second.checkpoint() == 0
    for attempt in (
        lambda: first.apply(Changes(jobs=[job(2)], after=1, checkpoint=2)),
        lambda: store.adopt(first),
    ):
        with pytest.raises(StoreUnavailable):
            await attempt()
    await first.close()
    await second.apply(Changes(jobs=[job(3)], checkpoint=3))
    assert await store.adopt(second)
    assert (await store.list_jobs(ALL)).documents == [job(3)]
    await second.close()


async def test_one_replaces_the_other_again_and_again(store):
    for number in range(1, 5):
        beside = await store.create_generation()
        await beside.apply(Changes(jobs=[job(number)], checkpoint=number))
        assert await store.adopt(beside)
        await beside.close()
        assert (await store.list_jobs(ALL)).documents == [job(number)]


async def test_blobs_that_only_deleted_jobs_named_are_still_known(store, beside):
    """The log has no events of a deleted job: a rebuild never hears of its files."""
    await store.apply(Changes(jobs=[with_files(1, "ab"), with_files(2, "bc")], checkpoint=2))
    await store.apply(Changes(deleted_jobs={"job-1"}, after=2, checkpoint=3))
    await beside.apply(Changes(jobs=[with_files(2, "bc")], checkpoint=3))
    assert await store.adopt(beside)
    assert await store.orphans(LATER, 10) == [blob("a")]


async def test_blobs_of_what_was_deleted_during_the_rebuild_are_known(store, beside):
    await store.apply(Changes(jobs=[with_files(1, "ab"), with_files(2, "bc")], checkpoint=2))
    await beside.apply(Changes(jobs=[with_files(2, "bc")], deleted_jobs={"job-1"}, checkpoint=3))
    assert await store.adopt(beside)
    assert await store.orphans(LATER, 10) == [blob("a")]


async def test_an_orphan_that_is_referred_to_again_is_none(store, beside):
    await store.apply(Changes(jobs=[with_files(1, "a")], checkpoint=1))
    await store.apply(Changes(deleted_jobs={"job-1"}, after=1, checkpoint=2))
    await beside.apply(Changes(jobs=[with_files(3, "a")], checkpoint=3))
    assert await store.adopt(beside)
    assert await store.orphans(LATER, 10) == []


@pytest.mark.parametrize("limit", [1, 7, 100])
async def test_all_documents_are_walked_over_in_the_order_of_their_positions(store, limit):
    jobs = [batch_job(n, 2, created_at=at(50 - n)) for n in range(1, 31)] + [job(9), job(1)]
    batches = [batch(f"b{number}", number) for number in (5, 3, 8)]
    await store.apply(Changes(jobs=jobs, batches=batches, checkpoint=9))
    seen = []
    while found := await store.next_jobs(seen[-1].position if seen else 0, limit):
        assert len(found) <= limit
        seen += found
    assert seen == sorted(jobs, key=lambda document: document.position)
    first = await store.next_batches(0, 2)
    assert [document.batch_id for document in first] == ["batch-b3", "batch-b5"]
    rest = await store.next_batches(first[-1].position, 2)
    assert [document.batch_id for document in rest] == ["batch-b8"]
