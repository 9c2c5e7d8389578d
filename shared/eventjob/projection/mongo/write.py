"""Writing changes into the MongoDB projection, so that a crash anywhere is made good by a replay.

Before documents change, what they refer to is noted as possible orphans; whether a blob is one is
looked up when it is asked for.
"""

from collections.abc import Collection as Some
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from pymongo import InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError

from eventjob.projection.mongo.database import LOOKED_FOR, WRITTEN, Collection, Fields, portions
from eventjob.projection.mongo.schema import (
    Tables,
    batch_fields,
    job_fields,
)
from eventjob.projection.read_model import BatchDocument, JobDocument, references
from eventjob.projection.store import Changes, milliseconds

_DUPLICATE_KEY = 11000

_Write = InsertOne[Fields] | ReplaceOne[Fields] | UpdateOne
_Known = dict[str, Fields]  # what is needed of stored documents, by id


async def apply(to: Tables, changes: Changes, at: datetime) -> None:
    """Write documents forward and delete; a document that is there in a later state stays."""
    jobs = [job_fields(job) for job in changes.jobs]
    batches = [batch_fields(batch) for batch in changes.batches]
    known_jobs = await _known(to.jobs, jobs, changes)
    known_batches = await _known(to.batches, batches, changes)
    released = _released(known_jobs, jobs, changes) | _released(known_batches, batches, changes)
    await _note(to.orphans, released.union(changes.dropped), milliseconds(at))
    await _put(to.jobs, jobs, known_jobs)
    await _put(to.batches, batches, known_batches)
    await _remember_deletions(to.gone, changes)
    await _delete(to, changes.deleted_jobs, changes.deleted_groups)


async def clear_orphans(to: Tables, changes: Changes) -> None:
    """Forget those candidates that the changes' documents refer to."""
    documents: list[JobDocument | BatchDocument] = [*changes.jobs, *changes.batches]
    named = {sha256 for document in documents for sha256 in references(document)}
    await forget_orphans(to, await referenced(to, named))


async def delete_again(to: Tables, changes: Changes) -> None:
    """Remove what these changes brought back after another writer had deleted it."""
    jobs = {_job(job.job_id): job.job_id for job in changes.jobs}
    named = {job.group for job in changes.jobs} | {batch.group for batch in changes.batches}
    groups = {_group(group): group for group in named}
    gone = await _find(to.gone, "_id", [*jobs, *groups])
    await _delete(
        to,
        [jobs[name] for name in gone if name in jobs],
        [groups[name] for name in gone if name in groups],
    )


async def orphans(to: Tables, before_ms: int, limit: int) -> list[str]:
    """Blobs without a reference since before then; the longest forgotten first."""
    found: list[str] = []
    candidates = to.orphans.find({"since": {"$lt": before_ms}}).sort([("since", 1), ("_id", 1)])
    async with candidates:
        while len(found) < limit and (portion := await candidates.to_list(LOOKED_FOR)):
            shas = [fields["_id"] for fields in portion]
            named = await referenced(to, shas)
            found += [sha256 for sha256 in shas if sha256 not in named]
    return found[:limit]


async def forget_orphans(to: Tables, shas: Some[str]) -> None:
    """These blobs are gone, or have a reference again."""
    for some in portions(shas):
        await to.orphans.delete_many({"_id": {"$in": some}})


async def take_over(old: Tables, to: Tables, at: datetime) -> None:
    """Note the blobs of documents that only the old generation knows.

    What was deleted has no events any more, so a rebuild has not heard of it.
    """
    for before, after in ((old.jobs, to.jobs), (old.batches, to.batches)):
        position = -1
        while rows := await _behind(before, position):
            position = rows[-1]["position"]
            kept = await _find(after, "_id", [row["_id"] for row in rows])
            await _note(to.orphans, _dropped(rows, kept), milliseconds(at))


async def _behind(table: Collection, position: int) -> list[Fields]:
    found = table.find({"position": {"$gt": position}}, {"position": 1, "blobs": 1})
    return await found.sort("position", 1).limit(LOOKED_FOR).to_list(None)


async def _put(into: Collection, rows: Sequence[Fields], known: _Known) -> None:
    """Write what is newer than it is known to be."""
    newer = [
        row
        for row in rows
        if row["_id"] not in known or known[row["_id"]]["sequence"] < row["sequence"]
    ]
    inserts = [InsertOne(row) for row in newer if row["_id"] not in known]
    alone = await _write(into, inserts)  # thrice as fast as upserts
    await _write(
        into,
        [
            ReplaceOne({"_id": row["_id"], "sequence": {"$lt": row["sequence"]}}, row, upsert=True)
            for row in newer
            if row["_id"] in known or not alone
        ],
    )


async def _write(into: Collection, writes: Sequence[_Write]) -> bool:
    """Whether no id was taken already; of a guarded upsert this means: in a later state."""
    is_free = True
    for portion in portions(writes, WRITTEN):
        try:
            await into.bulk_write(portion, ordered=False)
        except BulkWriteError as error:
            codes = {trouble["code"] for trouble in error.details["writeErrors"]}
            if codes != {_DUPLICATE_KEY} or error.details["writeConcernErrors"]:
                raise
            is_free = False
    return is_free


async def _delete(to: Tables, jobs: Some[str], groups: Some[str]) -> None:
    for some in portions(jobs):
        await to.jobs.delete_many({"_id": {"$in": some}})
    for some in portions(groups):
        await to.jobs.delete_many({"group": {"$in": some}})
        await to.batches.delete_many({"group": {"$in": some}})


async def _remember_deletions(into: Collection, changes: Changes) -> None:
    names = [*map(_job, changes.deleted_jobs), *map(_group, changes.deleted_groups)]
    at = datetime.now(UTC)  # the database forgets by its own clock
    await _write(
        into, [UpdateOne({"_id": name}, {"$set": {"at": at}}, upsert=True) for name in names]
    )


def _released(known: _Known, rows: Sequence[Fields], changes: Changes) -> set[str]:
    """The blobs that these rows, or their deletion, take a reference from."""
    released = _dropped(known.values(), {row["_id"]: row for row in rows})
    for row in rows:
        if row["_id"] in changes.deleted_jobs or row["group"] in changes.deleted_groups:
            released.update(row["blobs"])
    return released


def _dropped(before: Iterable[Fields], after: _Known) -> set[str]:
    """The blobs that documents name before and, one by one, not after."""
    dropped: set[str] = set()
    for row in before:
        kept = after.get(row["_id"])
        dropped.update(set(row["blobs"]) - set(kept["blobs"] if kept else ()))
    return dropped


async def _note(into: Collection, released: Iterable[str], since_ms: int) -> None:
    since = {"$set": {"since": since_ms}}
    await _write(into, [UpdateOne({"_id": sha256}, since, upsert=True) for sha256 in released])


async def _known(of: Collection, rows: Sequence[Fields], changes: Changes) -> _Known:
    """What is there of what the changes write or delete, by id."""
    ids = [*(row["_id"] for row in rows), *changes.deleted_jobs]
    return await _find(of, "_id", ids) | await _find(of, "group", changes.deleted_groups)


async def _find(of: Collection, field: str, values: Some[str]) -> _Known:
    """The documents whose field has one of these values, by id."""
    found: _Known = {}
    for some in portions(values):
        async for row in of.find({field: {"$in": some}}, {"sequence": 1, "blobs": 1}):
            found[row["_id"]] = row
    return found


async def referenced(to: Tables, shas: Some[str]) -> set[str]:
    """Those of these blobs that a document refers to."""
    found: set[str] = set()
    for some in portions(shas):
        among = {"$match": {"blobs": {"$in": some}}}
        each = {"$group": {"_id": "$blobs"}}
        for table in (to.jobs, to.batches):
            rows = await table.aggregate(
                [among, {"$project": {"blobs": 1}}, {"$unwind": "$blobs"}, among, each]
            )
            found.update([row["_id"] async for row in rows])
    return found


def _job(job_id: str) -> str:
    return f"job {job_id}"


def _group(group: str) -> str:
    return f"group {group}"
