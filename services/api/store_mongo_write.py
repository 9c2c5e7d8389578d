"""Writing changes into the MongoDB projection, so that a crash anywhere is made good by a replay.

Before documents change, what they refer to is noted as possible orphans; whether a blob is one is
looked up when it is asked for.
"""

from collections.abc import Collection as Some
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from pymongo import InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError

from services.api.read_model import references
from services.api.store import Changes, milliseconds
from services.api.store_mongo_database import LOOKED_FOR, WRITTEN, Collection, Fields, portions
from services.api.store_mongo_schema import (
    Tables,
    batch_fields,
    job_fields,
)

_DUPLICATE_KEY = 11000

_Write = InsertOne[Fields] | ReplaceOne[Fields] | UpdateOne
_Known = dict[str, Fields]  # what is needed of stored jobs, by id


async def apply(to: Tables, changes: Changes, at: datetime) -> None:
    """Write documents forward and delete; a document that is there in a later state stays."""
    ids = [job.job_id for job in changes.jobs]
    jobs = await _find(to.jobs, "_id", [*ids, *changes.deleted_jobs], "sequence", "blobs")
    jobs |= await _find(to.jobs, "group", changes.deleted_groups, "sequence", "blobs")
    await _note(to.orphans, _released(jobs, changes), milliseconds(at))
    await _put(to.jobs, [job_fields(job) for job in changes.jobs], jobs)
    batches = [batch_fields(batch) for batch in changes.batches]
    ids = [batch["_id"] for batch in batches]
    await _put(to.batches, batches, await _find(to.batches, "_id", ids, "sequence"))
    await _remember_deletions(to.gone, changes)
    await _delete(to, changes.deleted_jobs, changes.deleted_groups)


async def clear_orphans(to: Tables, changes: Changes) -> None:
    """Forget those candidates that the changes' jobs refer to."""
    named = {sha256 for job in changes.jobs for sha256 in references(job)}
    for shas in portions(named):
        await forget_orphans(to, await _referenced(to.jobs, shas))


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
            referenced = await _referenced(to.jobs, shas)
            found += [sha256 for sha256 in shas if sha256 not in referenced]
    return found[:limit]


async def forget_orphans(to: Tables, shas: Some[str]) -> None:
    """These blobs are gone, or have a reference again."""
    for some in portions(shas):
        await to.orphans.delete_many({"_id": {"$in": some}})


async def take_over(old: Tables, to: Tables, at: datetime) -> None:
    """Note the blobs of jobs that only the old generation knows.

    A job that was deleted has no events any more, so a rebuild has not heard of it.
    """
    position = -1
    while True:
        behind = old.jobs.find({"position": {"$gt": position}}, {"position": 1, "blobs": 1})
        rows = await behind.sort("position", 1).limit(LOOKED_FOR).to_list(None)
        if not rows:
            return
        position = rows[-1]["position"]
        kept = await _find(to.jobs, "_id", [row["_id"] for row in rows], "blobs")
        nothing = {"blobs": ()}
        released = (set(row["blobs"]) - set(kept.get(row["_id"], nothing)["blobs"]) for row in rows)
        await _note(to.orphans, set().union(*released), milliseconds(at))


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


def _released(known: _Known, changes: Changes) -> set[str]:
    """The blobs that some job refers to now, and will not afterwards."""
    after = {job.job_id: job for job in changes.jobs}
    released: set[str] = set()
    for job_id, row in known.items():
        job = after.get(job_id)
        if job is None or row["sequence"] < job.sequence:
            released.update(set(row["blobs"]) - (references(job) if job else set()))
    for job in changes.jobs:
        if job.job_id in changes.deleted_jobs or job.group in changes.deleted_groups:
            released |= references(job)
    return released


async def _note(into: Collection, released: Iterable[str], since_ms: int) -> None:
    since = {"$set": {"since": since_ms}}
    await _write(into, [UpdateOne({"_id": sha256}, since, upsert=True) for sha256 in released])


async def _find(of: Collection, field: str, values: Some[str], *shown: str) -> _Known:
    """The documents whose field has one of these values, by id."""
    found: _Known = {}
    for some in portions(values):
        async for row in of.find({field: {"$in": some}}, ["_id", *shown]):
            found[row["_id"]] = row
    return found


async def _referenced(jobs: Collection, shas: Some[str]) -> set[str]:
    """Those of these blobs that a job refers to."""
    among = {"$match": {"blobs": {"$in": list(shas)}}}
    shown = {"$project": {"blobs": 1}}
    each = {"$group": {"_id": "$blobs"}}
    found = await jobs.aggregate([among, shown, {"$unwind": "$blobs"}, among, each])
    return {row["_id"] async for row in found}


def _job(job_id: str) -> str:
    return f"job {job_id}"


def _group(group: str) -> str:
    return f"group {group}"
