"""What every store promises of lists: filters, access, order, pages and exact totals."""

from itertools import product

import msgspec
from stores import at, batch, batch_job, job

from eventjob.contracts.base import Access
from eventjob.domain.access import EVERYONE, Caller, may_read
from eventjob.projection.store import BatchQuery, Changes, JobQuery

TRUSTED = Caller(None, trusted=True)
CALLERS = [TRUSTED, Caller(None), Caller("ann"), Caller("bob"), Caller("eve"), Caller(EVERYONE)]
SORTS = list(product(["created_at", "updated_at"], ["desc", "asc"]))
STATUSES = ["pending", "processing", "completed", "failed"]
ACCESSES = [
    ("ann", Access()),
    ("ann", Access(visibility="public")),
    ("ann", Access(read_access=("bob", "*"))),
    ("bob", Access(write_access=("carl",))),
    ("carl", Access(admin_access=("eve",))),
    (EVERYONE, Access()),
    (None, Access()),
]


def jobs():
    """Two hundred jobs that differ in all that can be asked for; some times are equal."""
    made = []
    for number in range(1, 201):
        owner, access = ACCESSES[number // 5 % 7]
        changes = {
            "status": STATUSES[number % 4],
            "owner": owner,
            "access": access,
            "created_at": at(number // 3),
            "updated_at": at(number * 37 % 50),
        }
        in_batch = number % 3 > 0
        made.append(
            batch_job(number, number, f"of-{owner}", **changes)
            if in_batch
            else job(number, **changes)
        )
    return made


def batches():
    made = []
    for number in range(1, 101):
        owner, access = ACCESSES[number // 5 % 7]
        made.append(
            batch(
                f"b{number}",
                number,
                status=STATUSES[number % 4],
                archived=number % 3 == 0,
                owner=owner,
                access=access,
                created_at=at(number // 3),
                updated_at=at(number * 37 % 50),
            )
        )
    return made


def expected(documents, query, *columns):
    """All pages, by the rules alone."""
    found = [
        document
        for document in documents
        if may_read(query.caller, document.owner, document.access)
        and query.owner in {None, document.owner}
        and all(getattr(query, column) in {None, getattr(document, column)} for column in columns)
    ]
    return sorted(
        found,
        key=lambda document: (getattr(document, query.sort), document.position),
        reverse=query.order == "desc",
    )


async def test_every_combination_of_filters_finds_exactly_its_jobs_in_order(store):
    documents = jobs()
    await store.apply(Changes(jobs=documents, checkpoint=200))
    for caller, status, batch_id, owner, (sort, order) in product(
        CALLERS,
        [None, "failed"],
        [None, "batch-of-ann", "batch-of-None"],
        [None, "ann", "nobody", "*"],
        SORTS,
    ):
        asked = {"status": status, "batch_id": batch_id, "owner": owner}
        query = JobQuery(caller=caller, sort=sort, order=order, limit=7, skip=2, **asked)
        right = expected(documents, query, "status", "batch_id")
        page = await store.list_jobs(query)
        assert (page.total, page.documents) == (len(right), right[2:9]), query


async def test_every_combination_of_filters_finds_exactly_its_batches_in_order(store):
    documents = batches()
    await store.apply(Changes(batches=documents, checkpoint=100))
    for caller, status, archived, owner, (sort, order) in product(
        CALLERS, [None, "failed"], [None, True, False], [None, "ann", "nobody"], SORTS
    ):
        asked = {"status": status, "archived": archived, "owner": owner}
        query = BatchQuery(caller=caller, sort=sort, order=order, limit=7, skip=2, **asked)
        right = expected(documents, query, "status", "archived")
        page = await store.list_batches(query)
        assert (page.total, page.documents) == (len(right), right[2:9]), query


async def test_pages_follow_on_each_other_without_gap_or_repeat(store):
    documents = jobs()
    await store.apply(Changes(jobs=documents, checkpoint=200))
    query = JobQuery(caller=Caller("ann"), sort="updated_at", limit=10)
    seen = []
    for skip in range(0, 200, 10):
        page = await store.list_jobs(msgspec.structs.replace(query, skip=skip))
        seen += page.documents
    assert seen == expected(documents, query)
    assert page.total == len(seen)


async def test_a_page_beyond_the_end_is_empty_and_its_total_is_not(store):
    await store.apply(Changes(jobs=jobs(), checkpoint=200))
    for limit, skip, count in [(0, 0, 0), (1000, 0, 200), (1000, 199, 1), (10, 200, 0)]:
        page = await store.list_jobs(JobQuery(caller=TRUSTED, limit=limit, skip=skip))
        assert (page.total, len(page.documents)) == (200, count)
    assert (await store.list_jobs(JobQuery(caller=TRUSTED, limit=10, skip=10**9))).documents == []


async def test_totals_stay_exact_while_documents_change_and_go(store):
    documents = {document.job_id: document for document in jobs()}
    await store.apply(Changes(jobs=list(documents.values()), checkpoint=200))
    for step in range(1, 6):
        changed = [
            msgspec.structs.replace(
                document,
                sequence=200 + step,
                status=STATUSES[(number + step) % 4],
                updated_at=at(1000 + step),
            )
            for number, document in enumerate(documents.values())
            if number % (step + 1) == 0
        ]
        documents |= {document.job_id: document for document in changed}
        gone = sorted(documents)[:: 10 + step]
        documents = {key: kept for key, kept in documents.items() if key not in gone}
        here = {"after": 199 + step, "checkpoint": 200 + step}
        await store.apply(Changes(jobs=changed, deleted_jobs=gone, **here))
        for caller, status in product(CALLERS, STATUSES):
            query = JobQuery(caller=caller, status=status, sort="updated_at", limit=1000)
            right = expected(documents.values(), query, "status")
            page = await store.list_jobs(query)
            assert (page.total, page.documents) == (len(right), right)


async def test_a_batch_that_is_put_away_leaves_the_list_of_those_that_are_not(store):
    await store.apply(Changes(batches=[batch("x", 1)], checkpoint=1))
    await store.apply(
        Changes(batches=[batch("x", 1, sequence=2, archived=True)], after=1, checkpoint=2)
    )
    assert (await store.list_batches(BatchQuery(caller=TRUSTED))).total == 0
    assert (await store.list_batches(BatchQuery(caller=TRUSTED, archived=True))).total == 1
