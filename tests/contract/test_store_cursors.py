"""What every store promises of pages that begin behind a place instead of after a number."""

from itertools import product

import msgspec
import pytest
from stores import at, batch, batch_job, job
from test_store_lists import CALLERS, SORTS, TRUSTED, batches, expected, jobs

from eventjob.domain.access import Caller
from eventjob.projection.store import BatchQuery, Changes, JobQuery


async def walk(find, query):
    """All pages from one to the next; none of them counted."""
    query = msgspec.structs.replace(query, counted=False)
    documents = []
    while True:
        page = await find(query)
        assert page.total is None
        assert len(page.documents) <= query.limit
        documents += page.documents
        if page.next is None:
            return documents
        assert len(page.documents) == query.limit
        query = msgspec.structs.replace(query, after=page.next)


async def test_a_walk_over_jobs_finds_each_once_whatever_the_filters(store):
    documents = jobs()
    await store.apply(Changes(jobs=documents, checkpoint=200))
    for caller, status, batch_id, owner, (sort, order) in product(
        CALLERS, [None, "failed"], [None, "batch-of-ann"], [None, "ann"], SORTS
    ):
        asked = {"status": status, "batch_id": batch_id, "owner": owner}
        query = JobQuery(caller=caller, sort=sort, order=order, limit=17, **asked)
        right = expected(documents, query, "status", "batch_id")
        assert await walk(store.list_jobs, query) == right, query


async def test_a_walk_over_batches_finds_each_once_whatever_the_filters(store):
    documents = batches()
    await store.apply(Changes(batches=documents, checkpoint=100))
    for caller, status, archived, (sort, order) in product(
        CALLERS, [None, "failed"], [None, True, False], SORTS
    ):
        asked = {"status": status, "archived": archived}
        query = BatchQuery(caller=caller, sort=sort, order=order, limit=9, **asked)
        right = expected(documents, query, "status", "archived")
        assert await walk(store.list_batches, query) == right, query


@pytest.mark.parametrize("order", ["desc", "asc"])
async def test_equal_times_are_walked_in_the_order_of_positions(store, order):
    same = [batch_job(n, 1, created_at=at(7), updated_at=at(7)) for n in range(1, 31)]
    await store.apply(Changes(jobs=same, checkpoint=1))
    for limit in (1, 3, 29, 30, 31):
        query = JobQuery(caller=TRUSTED, order=order, limit=limit)
        assert await walk(store.list_jobs, query) == (same if order == "asc" else same[::-1])


async def test_a_counted_page_also_tells_where_the_next_begins(store):
    await store.apply(Changes(jobs=[job(1), job(2), job(3)], checkpoint=3))
    for limit, follows in [(1, True), (2, True), (3, False), (4, False)]:
        page = await store.list_jobs(JobQuery(caller=TRUSTED, limit=limit))
        assert (page.total, page.next is not None) == (3, follows)
        if follows:  # no skip behind a place
            again = JobQuery(caller=TRUSTED, limit=9, after=page.next, skip=1)
            rest = await store.list_jobs(again)
            assert (rest.total, page.documents + rest.documents) == (3, [job(3), job(2), job(1)])


async def test_a_page_behind_a_skip_is_continued_by_its_place(store):
    await store.apply(Changes(jobs=jobs(), checkpoint=200))
    query = JobQuery(caller=Caller("ann"), sort="updated_at", skip=5, limit=10)
    page = await store.list_jobs(query)
    rest = await walk(store.list_jobs, msgspec.structs.replace(query, after=page.next))
    assert page.documents + rest == expected(jobs(), query)[5:]


async def test_nothing_asked_for_is_followed_by_nothing(store):
    await store.apply(Changes(jobs=[job(1)], checkpoint=1))
    page = await store.list_jobs(JobQuery(caller=TRUSTED, limit=0))
    assert (page.total, page.documents, page.next) == (1, [], None)


async def test_what_comes_and_goes_meanwhile_moves_nothing_else(store):
    """By time of creation, what stays is met once; what is new lies before the newest."""
    await store.apply(Changes(jobs=[job(n) for n in range(1, 21)], checkpoint=20))
    query = JobQuery(caller=TRUSTED, limit=5, counted=False)
    page = await store.list_jobs(query)
    seen = [*page.documents]
    for step in range(21, 25):
        last = seen[-1].job_id  # the place itself may go
        here = {"deleted_jobs": {last}, "after": step - 1, "checkpoint": step}
        await store.apply(Changes(jobs=[job(step)], **here))
        if page.next is not None:
            page = await store.list_jobs(msgspec.structs.replace(query, after=page.next))
            seen += page.documents
    assert [found.job_id for found in seen] == [f"job-{n}" for n in range(20, 0, -1)]
    assert page.next is None


async def test_what_changes_meanwhile_is_met_again_in_a_walk_towards_the_newest_change(store):
    await store.apply(Changes(jobs=[job(n) for n in range(1, 7)], checkpoint=6))
    query = JobQuery(caller=TRUSTED, sort="updated_at", order="asc", limit=3, counted=False)
    page = await store.list_jobs(query)
    changed = job(1, status="completed", sequence=7, updated_at=at(7))
    await store.apply(Changes(jobs=[changed], after=6, checkpoint=7))
    rest = await walk(store.list_jobs, msgspec.structs.replace(query, after=page.next))
    assert rest == [job(4), job(5), job(6), changed]


async def test_a_place_may_be_anywhere(store):
    await store.apply(Changes(batches=[batch("x", 1), batch("y", 2)], checkpoint=2))
    query = BatchQuery(caller=TRUSTED, order="asc", limit=1)
    page = await store.list_batches(query)
    for time_ms, count in ((page.next.time_ms, 1), (page.next.time_ms - 1, 2), (0, 2), (2**42, 0)):
        after = msgspec.structs.replace(page.next, time_ms=time_ms)
        found = await store.list_batches(msgspec.structs.replace(query, after=after, limit=9))
        assert len(found.documents) == count
