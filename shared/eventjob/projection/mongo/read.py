"""Read lists from MongoDB: exact totals, and pages by walking one index."""

from collections.abc import Callable
from collections.abc import Collection as Some

from eventjob.projection.mongo.database import Collection, Fields, split
from eventjob.projection.mongo.schema import readable_filter
from eventjob.projection.store import BatchQuery, Document, JobQuery, Page, PageStart


async def find_page(
    collection: Collection, query: JobQuery | BatchQuery, decode: Callable[[str], Document]
) -> Page[Document]:
    """Return a page's documents, and the total if it was requested."""
    condition = _make_filter(query)
    total = await collection.count_documents(condition) if query.counted else None
    if query.limit == 0:  # MongoDB reads 0 as "no limit"
        return Page(total, [])
    direction = 1 if query.order == "asc" else -1
    fields = {"document": 1, "position": 1, query.sort: 1}
    cursor = collection.find(condition | _make_start(query), fields)
    cursor.sort([(query.sort, direction), ("position", direction)]).limit(query.limit + 1)
    if query.after is None:
        cursor.skip(query.skip)
    rows = await cursor.to_list(None)
    next_start = None
    if len(rows) > query.limit:
        last = rows[query.limit - 1]
        next_start = PageStart(last[query.sort], last["position"])
    return Page(total, [decode(row["document"]) for row in rows[: query.limit]], next_start)


async def find_next(collection: Collection, position: int, limit: int) -> list[str]:
    """Return the first documents after this position."""
    if limit == 0:
        return []
    cursor = collection.find({"position": {"$gt": position}}, {"document": 1})
    rows = await cursor.sort("position", 1).limit(limit).to_list(None)
    return [row["document"] for row in rows]


async def find_documents(collection: Collection, field: str, values: Some[str]) -> list[str]:
    """Return the documents in which the field has one of these values."""
    pages = [
        await collection.find({field: {"$in": ids}}, {"document": 1}).to_list(None)
        for ids in split(values)
    ]
    return [row["document"] for rows in pages for row in rows]


def _make_filter(query: JobQuery | BatchQuery) -> Fields:
    asked: Fields = {"status": query.status, "owner": query.owner}
    match query:
        case JobQuery(batch_id=batch_id):
            asked["batch_id"] = batch_id
        case BatchQuery(archived=archived):
            asked["archived"] = archived
    return {field: value for field, value in asked.items() if value is not None} | readable_filter(
        query.caller
    )


def _make_start(query: JobQuery | BatchQuery) -> Fields:
    """Return the condition for a page that starts after a document."""
    if query.after is None:
        return {}
    operator = "$gt" if query.order == "asc" else "$lt"
    time_ms, position = query.after.time_ms, query.after.position
    return {
        # redundant, but bounds the walk over the index, which $or alone does not
        query.sort: {f"{operator}e": time_ms},
        "$or": [{query.sort: {operator: time_ms}}, {"position": {operator: position}}],
    }
