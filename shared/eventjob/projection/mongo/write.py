"""Write changes into MongoDB so that a replay repairs a crash at any point.

There are no transactions: MongoDB need not be a replica set.
"""

from collections.abc import Collection as Some
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from pymongo import InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError

from eventjob.projection.mongo.database import QUERY_SIZE, WRITE_SIZE, Collection, Fields, split
from eventjob.projection.mongo.schema import Collections, batch_fields, job_fields
from eventjob.projection.read_model import BatchDocument, JobDocument, references
from eventjob.projection.store import Changes, milliseconds

_DUPLICATE_KEY = 11000

_Write = InsertOne[Fields] | ReplaceOne[Fields] | UpdateOne
_Known = dict[str, Fields]  # by id, the stored fields that a write needs


async def apply(to: Collections, changes: Changes, at: datetime) -> None:
    """Write documents forward, then delete; a document stored in a later state stays."""
    jobs = [job_fields(job) for job in changes.jobs]
    batches = [batch_fields(batch) for batch in changes.batches]
    known_jobs = await _load_known(to.jobs, jobs, changes)
    known_batches = await _load_known(to.batches, batches, changes)
    freed = _list_freed(known_jobs, jobs, changes) | _list_freed(known_batches, batches, changes)
    # first: a crash then leaves a candidate too many, which a query sorts out, never one too few
    await _note_candidates(to.orphans, freed.union(changes.dropped), milliseconds(at))
    await _write_newer(to.jobs, jobs, known_jobs)
    await _write_newer(to.batches, batches, known_batches)
    await _remember_deletions(to.gone, changes)
    await _delete(to, changes.deleted_jobs, changes.deleted_groups)


async def clear_orphans(to: Collections, changes: Changes) -> None:
    """Forget the candidates that the changed documents reference."""
    documents: list[JobDocument | BatchDocument] = [*changes.jobs, *changes.batches]
    named = {sha256 for document in documents for sha256 in references(document)}
    await forget_orphans(to, await referenced(to, named))


async def delete_again(to: Collections, changes: Changes) -> None:
    """Delete what these changes brought back after another writer had deleted it."""
    jobs = {_job_name(job.job_id): job.job_id for job in changes.jobs}
    named = {job.group for job in changes.jobs} | {batch.group for batch in changes.batches}
    groups = {_group_name(group): group for group in named}
    gone = await _find_by(to.gone, "_id", [*jobs, *groups])
    await _delete(
        to,
        [jobs[name] for name in gone if name in jobs],
        [groups[name] for name in gone if name in groups],
    )


async def orphans(to: Collections, before_ms: int, limit: int) -> list[str]:
    """Return blobs that lost their last reference before ``before_ms``; oldest first."""
    unreferenced: list[str] = []
    candidates = to.orphans.find({"since": {"$lt": before_ms}}).sort([("since", 1), ("_id", 1)])
    async with candidates:
        while len(unreferenced) < limit and (chunk := await candidates.to_list(QUERY_SIZE)):
            shas = [fields["_id"] for fields in chunk]
            named = await referenced(to, shas)
            unreferenced += [sha256 for sha256 in shas if sha256 not in named]
    return unreferenced[:limit]


async def forget_orphans(to: Collections, shas: Some[str]) -> None:
    """Forget these candidates, which were deleted or are referenced again."""
    for ids in split(shas):
        await to.orphans.delete_many({"_id": {"$in": ids}})


async def hand_over_orphans(old: Collections, to: Collections, at: datetime) -> None:
    """Note the blobs of documents that only the old generation knows.

    Deleted jobs have no events any more, so a rebuild never meets their blobs.
    """
    for before, after in ((old.jobs, to.jobs), (old.batches, to.batches)):
        position = -1
        while rows := await _read_after(before, position):
            position = rows[-1]["position"]
            current = await _find_by(after, "_id", [row["_id"] for row in rows])
            await _note_candidates(to.orphans, _find_dropped(rows, current), milliseconds(at))


async def _read_after(table: Collection, position: int) -> list[Fields]:
    cursor = table.find({"position": {"$gt": position}}, {"position": 1, "blobs": 1})
    return await cursor.sort("position", 1).limit(QUERY_SIZE).to_list(None)


async def _write_newer(into: Collection, rows: Sequence[Fields], known: _Known) -> None:
    """Write the rows that are newer than the stored ones."""
    newer = [
        row
        for row in rows
        if row["_id"] not in known or known[row["_id"]]["sequence"] < row["sequence"]
    ]
    inserts = [InsertOne(row) for row in newer if row["_id"] not in known]
    all_new = await _write(into, inserts)  # three times as fast as upserts
    await _write(
        into,
        [
            ReplaceOne({"_id": row["_id"], "sequence": {"$lt": row["sequence"]}}, row, upsert=True)
            for row in newer
            if row["_id"] in known or not all_new
        ],
    )


async def _write(into: Collection, writes: Sequence[_Write]) -> bool:
    """True if the writes applied; False if an id exists, for guarded upserts in a newer state."""
    is_new = True
    for chunk in split(writes, WRITE_SIZE):
        try:
            await into.bulk_write(chunk, ordered=False)
        except BulkWriteError as error:
            codes = {trouble["code"] for trouble in error.details["writeErrors"]}
            if codes != {_DUPLICATE_KEY} or error.details["writeConcernErrors"]:
                raise
            is_new = False
    return is_new


async def _delete(to: Collections, jobs: Some[str], groups: Some[str]) -> None:
    for ids in split(jobs):
        await to.jobs.delete_many({"_id": {"$in": ids}})
    for ids in split(groups):
        await to.jobs.delete_many({"group": {"$in": ids}})
        await to.batches.delete_many({"group": {"$in": ids}})


async def _remember_deletions(into: Collection, changes: Changes) -> None:
    names = [*map(_job_name, changes.deleted_jobs), *map(_group_name, changes.deleted_groups)]
    at = datetime.now(UTC)  # the database expires them by its own clock
    await _write(
        into, [UpdateOne({"_id": name}, {"$set": {"at": at}}, upsert=True) for name in names]
    )


def _list_freed(known: _Known, rows: Sequence[Fields], changes: Changes) -> set[str]:
    """Return the blobs that these rows, or their deletion, release."""
    released = _find_dropped(known.values(), {row["_id"]: row for row in rows})
    for row in rows:
        if row["_id"] in changes.deleted_jobs or row["group"] in changes.deleted_groups:
            released.update(row["blobs"])
    return released


def _find_dropped(before: Iterable[Fields], after: _Known) -> set[str]:
    """Return the blobs that documents referenced before and do not reference after."""
    dropped: set[str] = set()
    for row in before:
        current = after.get(row["_id"])
        dropped.update(set(row["blobs"]) - set(current["blobs"] if current else ()))
    return dropped


async def _note_candidates(into: Collection, released: Iterable[str], since_ms: int) -> None:
    since = {"$set": {"since": since_ms}}
    await _write(into, [UpdateOne({"_id": sha256}, since, upsert=True) for sha256 in released])


async def _load_known(of: Collection, rows: Sequence[Fields], changes: Changes) -> _Known:
    """Return the stored fields of the documents that the changes write or delete, by id."""
    ids = [*(row["_id"] for row in rows), *changes.deleted_jobs]
    return await _find_by(of, "_id", ids) | await _find_by(of, "group", changes.deleted_groups)


async def _find_by(of: Collection, field: str, values: Some[str]) -> _Known:
    """Return the stored fields of documents in which the field has one of these values."""
    documents: _Known = {}
    for ids in split(values):
        async for row in of.find({field: {"$in": ids}}, {"sequence": 1, "blobs": 1}):
            documents[row["_id"]] = row
    return documents


async def referenced(to: Collections, shas: Some[str]) -> set[str]:
    """Return those of these blobs that a document references."""
    result: set[str] = set()
    for ids in split(shas):
        matching = {"$match": {"blobs": {"$in": ids}}}
        by_blob = {"$group": {"_id": "$blobs"}}
        for table in (to.jobs, to.batches):
            rows = await table.aggregate(
                [matching, {"$project": {"blobs": 1}}, {"$unwind": "$blobs"}, matching, by_blob]
            )
            result.update([row["_id"] async for row in rows])
    return result


def _job_name(job_id: str) -> str:
    return f"job {job_id}"


def _group_name(group: str) -> str:
    return f"group {group}"
