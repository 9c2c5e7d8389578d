"""Lists of the MongoDB projection: exact totals, and pages that are a walk over one index."""

from collections.abc import Callable
from collections.abc import Collection as Some

from eventjob.projection.mongo.database import Collection, Fields, portions
from eventjob.projection.mongo.schema import visible
from eventjob.projection.store import BatchQuery, Document, JobQuery, Page, PageStart


async def page(
    collection: Collection, query: JobQuery | BatchQuery, decode: Callable[[str], Document]
) -> Page[Document]:
    """The documents of a page, and the total where it is wanted."""
    wanted = _wanted(query)
    total = await collection.count_documents(wanted) if query.counted else None
    if query.limit == 0:  # which means "no limit" to MongoDB
        return Page(total, [])
    direction = 1 if query.order == "asc" else -1
    shown = {"document": 1, "position": 1, query.sort: 1}
    found = collection.find(wanted | _behind(query), shown)
    found.sort([(query.sort, direction), ("position", direction)]).limit(query.limit + 1)
    if query.after is None:
        found.skip(query.skip)
    rows = await found.to_list(None)
    following = None
    if len(rows) > query.limit:
        last = rows[query.limit - 1]
        following = PageStart(last[query.sort], last["position"])
    return Page(total, [decode(row["document"]) for row in rows[: query.limit]], following)


async def following(collection: Collection, position: int, limit: int) -> list[str]:
    """The first documents behind this position."""
    if limit == 0:
        return []
    found = collection.find({"position": {"$gt": position}}, {"document": 1})
    rows = await found.sort("position", 1).limit(limit).to_list(None)
    return [row["document"] for row in rows]


async def documents(collection: Collection, field: str, values: Some[str]) -> list[str]:
    """Those documents whose field has one of these values."""
    found = [
        await collection.find({field: {"$in": some}}, {"document": 1}).to_list(None)
        for some in portions(values)
    ]
    return [row["document"] for rows in found for row in rows]


def _wanted(query: JobQuery | BatchQuery) -> Fields:
    asked: Fields = {"status": query.status, "owner": query.owner}
    match query:
        case JobQuery(batch_id=batch_id):
            asked["batch_id"] = batch_id
        case BatchQuery(archived=archived):
            asked["archived"] = archived
    return {field: value for field, value in asked.items() if value is not None} | visible(
        query.caller
    )


def _behind(query: JobQuery | BatchQuery) -> Fields:
    """The condition of a page that begins behind a document; its first half bounds the walk."""
    if query.after is None:
        return {}
    beyond = "$gt" if query.order == "asc" else "$lt"
    time_ms, position = query.after.time_ms, query.after.position
    return {
        query.sort: {f"{beyond}e": time_ms},
        "$or": [{query.sort: {beyond: time_ms}}, {"position": {beyond: position}}],
    }
