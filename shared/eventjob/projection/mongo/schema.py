"""The collections of the MongoDB projection, and what a document looks like there.

Native fields are what is filtered and sorted by. The document itself is JSON in one string: what
clients sent has keys and numbers that BSON cannot hold.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from pymongo import ASCENDING, IndexModel

from eventjob.domain.access import EVERYONE, Caller, allowed_readers
from eventjob.projection.mongo.database import Collection, Database, Fields
from eventjob.projection.read_model import BatchDocument, JobDocument, references
from eventjob.projection.store import milliseconds

SCHEMA_VERSION = 2  # goes up with any change of these collections or of the documents
GONE_FOR_S = 86_400  # how long a deletion is remembered, for a writer that comes late

_SORTS = ("created_at", "updated_at")
_LEADING = {
    "jobs": (None, "batch_id", "status", "owner", "readers"),
    "batches": (None, "archived", "status", "owner", "readers"),
}

_encode = msgspec.json.Encoder().encode


class Tables(NamedTuple):
    """The collections of one generation, and the candidates for orphans, which all share."""

    jobs: Collection
    batches: Collection
    gone: Collection
    orphans: Collection


def tables(database: Database, generation: str) -> Tables:
    """The collections of this generation."""
    return Tables(
        jobs=database[f"jobs_{generation}"],
        batches=database[f"batches_{generation}"],
        gone=database[f"gone_{generation}"],
        orphans=database["orphans"],
    )


async def make_indexes(to: Tables) -> None:
    """Those that lists walk, once; many may do it at the same time."""
    await to.jobs.create_indexes([*_lists("jobs"), *_plain("group", "position", "blobs")])
    await to.batches.create_indexes([*_lists("batches"), *_plain("group", "position", "blobs")])
    await to.gone.create_index("at", expireAfterSeconds=GONE_FOR_S)
    await to.orphans.create_index([("since", ASCENDING), ("_id", ASCENDING)])


def _lists(table: str) -> Iterable[IndexModel]:
    for leading in _LEADING[table]:
        for sort in _SORTS:
            fields = [field for field in (leading, sort, "position") if field is not None]
            yield IndexModel([(field, ASCENDING) for field in fields])


def _plain(*fields: str) -> Iterable[IndexModel]:
    return [IndexModel(field) for field in fields]


def job_fields(job: JobDocument) -> Fields:
    """A job as it is stored."""
    return {"_id": job.job_id, "batch_id": job.batch_id} | _fields(job)


def batch_fields(batch: BatchDocument) -> Fields:
    """A batch as it is stored."""
    return {"_id": batch.batch_id, "archived": batch.archived} | _fields(batch)


def _fields(document: JobDocument | BatchDocument) -> Fields:
    names = allowed_readers(document.owner, document.access)
    is_public = document.owner is None or document.access.visibility == "public"
    return {
        "group": document.group,
        "sequence": document.sequence,
        "position": document.position,
        "status": document.status,
        "owner": document.owner,
        "readers": [EVERYONE] if is_public else sorted(map(_reader, names)),
        "created_at": milliseconds(document.created_at),
        "updated_at": milliseconds(document.updated_at),
        "blobs": sorted(references(document)),
        "document": _encode(document).decode(),
    }


def visible(caller: Caller) -> Fields:
    """The condition for what ``caller`` may read."""
    if caller.trusted:
        return {}
    own = [] if caller.user is None else [_reader(caller.user)]
    return {"readers": {"$in": [EVERYONE, *own]}}


def _reader(name: str) -> str:
    """Marked as a name, since somebody may be called like everyone."""
    return f"@{name}"
