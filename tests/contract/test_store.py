"""What every store promises of documents, checkpoint, deletes and blobs."""

import msgspec
import pytest
from stores import at, batch, batch_job, job

from eventjob.contracts.base import FileRef
from eventjob.domain.access import Caller
from eventjob.projection.store import BatchQuery, Changes, JobQuery, StoreMoved

ALL = JobQuery(caller=Caller(None, trusted=True))


def blob(letter):
    return letter * 64


def file(letter):
    return FileRef(path=letter, sha256=blob(letter), size_bytes=1, media_type="text/plain")


async def test_an_empty_store_has_nothing(store):
    assert await store.checkpoint() == 0
    assert await store.job("job-1") is None
    assert await store.batch("batch-x") is None
    assert await store.jobs([]) == await store.jobs(["job-1"]) == {}
    assert await store.batches([]) == await store.batches(["b-x"]) == {}
    assert (await store.list_jobs(ALL)).total == 0
    assert await store.orphans(at(10**6), 10) == []


async def test_what_is_written_is_read_back_whole(store):
    whole = job(1, files=[file("a")], archive=file("b"), bundle=blob("c"), completed_at=at(9))
    kept = batch("x", 2, archived=True, completed_at=at(9))
    await store.apply(Changes(jobs=[whole], batches=[kept], checkpoint=2))
    assert await store.checkpoint() == 2
    assert await store.job("job-1") == whole
    assert await store.batch("batch-x") == kept
    assert await store.jobs(["job-1", "job-2"]) == {"job-1": whole}
    assert await store.batches(["b-x", "b-y"]) == {"b-x": kept}


async def test_a_batch_whose_id_has_no_prefix_is_found_by_its_group_and_by_its_own_id(store):
    kept = batch("x", 1, batch_id="x")
    await store.apply(Changes(batches=[kept], checkpoint=1))
    assert await store.batches(["b-x"]) == {"b-x": kept}
    assert await store.batch("x") == kept
    assert await store.batch("batch-x") is None


async def test_a_document_is_only_written_forward(store):
    newer = job(1, sequence=5, status="completed")
    await store.apply(Changes(jobs=[newer], batches=[batch("x", 2, sequence=5)], checkpoint=5))
    older = Changes(
        jobs=[job(1, sequence=4)],
        batches=[batch("x", 2, sequence=4, states="")],
        after=5,
        checkpoint=5,
    )
    await store.apply(older)
    assert await store.job("job-1") == newer
    assert (await store.batch("batch-x")).sequence == 5
    assert (await store.list_jobs(msgspec.structs.replace(ALL, status="pending"))).total == 0


async def test_the_same_changes_twice_are_the_same_as_once(store):
    changes = Changes(
        jobs=[job(1), batch_job(1, 2)], batches=[batch("x", 2)], deleted_jobs={"job-9"},
        checkpoint=3,
    )  # fmt: skip
    await store.apply(changes)
    await store.apply(msgspec.structs.replace(changes, after=3))
    assert (await store.list_jobs(ALL)).total == 2
    assert (await store.list_batches(BatchQuery(caller=ALL.caller))).total == 1
    assert await store.checkpoint() == 3


async def test_the_checkpoint_never_goes_back(store):
    await store.apply(Changes(checkpoint=7))
    await store.apply(Changes(after=7, checkpoint=3))
    assert await store.checkpoint() == 7


@pytest.mark.parametrize("after", [0, 2, 4])
async def test_changes_that_build_on_another_checkpoint_are_refused_whole(store, after):
    await store.apply(Changes(checkpoint=3))
    with pytest.raises(StoreMoved, match=f"at 3 and not at {after}"):
        await store.apply(Changes(jobs=[job(5)], deleted_jobs={"x"}, after=after, checkpoint=5))
    assert await store.checkpoint() == 3
    assert await store.job("job-5") is None


async def test_a_deleted_job_is_gone_and_its_batch_is_not(store):
    jobs = [batch_job(1, 2), batch_job(2, 3), job(4)]
    await store.apply(Changes(jobs=jobs, batches=[batch("x", 1)], checkpoint=4))
    await store.apply(Changes(deleted_jobs={"job-x.1", "job-4"}, after=4, checkpoint=5))
    assert await store.jobs(["job-x.1", "job-x.2", "job-4"]) == {"job-x.2": jobs[1]}
    assert (await store.list_jobs(ALL)).documents == [jobs[1]]
    assert await store.batch("batch-x") is not None


async def test_a_deleted_group_takes_all_its_jobs_along_and_no_others(store):
    jobs = [batch_job(1, 2), batch_job(2, 3), batch_job(1, 4, "y"), job(5), job(6)]
    await store.apply(Changes(jobs=jobs, batches=[batch("x", 1)], checkpoint=6))
    await store.apply(Changes(deleted_groups={"b-x", "j-job-5"}, after=6, checkpoint=7))
    assert {kept.job_id for kept in (await store.list_jobs(ALL)).documents} == {"job-y.1", "job-6"}
    assert (await store.list_jobs(ALL)).total == 2
    assert await store.batch("batch-x") is None


async def test_what_is_written_and_deleted_at_once_is_gone(store):
    changes = Changes(jobs=[job(1)], deleted_jobs={"job-1"}, checkpoint=2)
    await store.apply(changes)
    assert await store.job("job-1") is None
    assert (await store.list_jobs(ALL)).total == 0


async def test_unicode_and_awkward_texts_survive(store):
    name = "Zoë \u202e 'quoted\" 🎉 \x00 %_*"
    awkward = job(1, job_name=name, owner=name, parameters=msgspec.Raw('{"ü":"漢"}'.encode()))
    await store.apply(Changes(jobs=[awkward], checkpoint=1))
    found = await store.list_jobs(JobQuery(caller=Caller(name), owner=name))
    assert found.documents == [awkward]


async def test_thousands_of_documents_are_written_at_once(store):
    many = [batch_job(n, 2) for n in range(1, 2501)]
    await store.apply(Changes(jobs=many, batches=[batch("x", 1)], checkpoint=2))
    found = await store.list_jobs(msgspec.structs.replace(ALL, limit=1000, skip=1500))
    assert (found.total, len(found.documents)) == (2500, 1000)
    assert len(await store.jobs([document.job_id for document in many])) == 2500
    await store.apply(Changes(deleted_groups={"b-x"}, after=2, checkpoint=3))
    assert (await store.list_jobs(ALL)).total == 0


async def test_a_blob_is_an_orphan_once_its_last_reference_is_gone(store):
    made_of = {"sources": [blob("e")], "files": [file("b"), file("c")]}
    one = job(1, bundle=blob("a"), archive=file("d"), **made_of)
    two = job(2, files=[file("b")])
    await store.apply(Changes(jobs=[one, two], checkpoint=2))
    assert await store.orphans(at(10**9), 10) == []
    await store.apply(Changes(deleted_jobs={"job-1"}, after=2, checkpoint=3))
    assert set(await store.orphans(at(10**9), 10)) == {blob(name) for name in "acde"}
    await store.apply(Changes(deleted_groups={"j-job-2"}, after=3, checkpoint=4))
    assert blob("b") in await store.orphans(at(10**9), 10)


async def test_a_restarted_job_leaves_its_results_and_takes_them_up_again(store):
    results = {"bundle": blob("a"), "files": [file("b")], "sources": [blob("c")]}
    await store.apply(Changes(jobs=[job(1, **results)], checkpoint=1))
    await store.apply(Changes(jobs=[job(1, sequence=2)], after=1, checkpoint=2))
    assert set(await store.orphans(at(10**9), 10)) == {blob("a"), blob("b"), blob("c")}
    await store.apply(Changes(jobs=[job(1, sequence=3, **results)], after=2, checkpoint=3))
    assert await store.orphans(at(10**9), 10) == []


async def test_a_batchs_zip_is_an_orphan_once_the_batch_has_it_no_more(store):
    one, two = (batch("x", 1, sequence=n, zip=file(name)) for n, name in ((2, "a"), (3, "b")))
    await store.apply(Changes(batches=[one], jobs=[batch_job(1, 2)], checkpoint=2))
    assert (await store.batch("batch-x")).zip == file("a")
    assert await store.orphans(at(10**9), 10) == []
    await store.apply(Changes(batches=[two], after=2, checkpoint=3))
    assert await store.orphans(at(10**9), 10) == [blob("a")]
    await store.apply(Changes(batches=[batch("x", 1, sequence=4)], after=3, checkpoint=4))
    assert set(await store.orphans(at(10**9), 10)) == {blob("a"), blob("b")}


async def test_a_deleted_batch_leaves_its_zip(store):
    await store.apply(Changes(batches=[batch("x", 1, zip=file("a"))], checkpoint=1))
    await store.apply(Changes(deleted_groups={"b-x"}, after=1, checkpoint=2))
    assert await store.orphans(at(10**9), 10) == [blob("a")]


async def test_an_older_document_changes_no_references(store):
    await store.apply(Changes(jobs=[job(1, sequence=5, bundle=blob("a"))], checkpoint=5))
    await store.apply(Changes(jobs=[job(1, sequence=4)], after=5, checkpoint=5))
    assert await store.orphans(at(10**9), 10) == []


async def test_orphans_are_told_by_age_in_portions_and_forgotten(store):
    files = [file(letter) for letter in "abcde"]
    await store.apply(Changes(jobs=[job(1, files=files)], checkpoint=1))
    await store.apply(Changes(deleted_jobs={"job-1"}, after=1, checkpoint=2))
    assert await store.orphans(at(-(10**8)), 10) == []
    some = await store.orphans(at(10**9), 3)
    assert len(some) == 3
    await store.forget_orphans(some)
    assert len(await store.orphans(at(10**9), 10)) == 2


async def test_what_came_and_went_within_a_stretch_is_an_orphan_unless_it_is_named(store):
    kept = job(1, bundle=blob("a"))
    await store.apply(Changes(jobs=[kept], dropped={blob("a"), blob("b")}, checkpoint=1))
    assert await store.orphans(at(10**9), 10) == [blob("b")]


async def test_a_blob_is_unreferenced_unless_a_job_or_a_batch_names_it(store):
    named = [job(1, files=[file("a")], sources=[blob("b")])]
    zipped = [batch("x", 2, zip=file("c"))]
    await store.apply(Changes(jobs=named, batches=zipped, checkpoint=2))
    assert await store.unreferenced([blob(letter) for letter in "abcd"]) == {blob("d")}
    assert await store.unreferenced([]) == set()
