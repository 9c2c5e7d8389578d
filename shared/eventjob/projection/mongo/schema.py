"""The MongoDB collections, and the form in which they store documents.

Native fields are those to filter and sort by. The document itself is one JSON string.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from pymongo import ASCENDING, IndexModel

from eventjob.domain.access import EVERYONE, Caller, allowed_readers
from eventjob.projection.mongo.database import Collection, Database, Fields
from eventjob.projection.read_model import BatchDocument, JobDocument, references
from eventjob.projection.store import milliseconds

SCHEMA_VERSION = 2  # raised by any change of these collections or of the documents
DELETIONS_KEPT_S = 86_400  # so that a late second writer can remove what it brought back

_SORTS = ("created_at", "updated_at")
_LEADING = {
    "jobs": (None, "batch_id", "status", "owner", "readers"),
    "batches": (None, "archived", "status", "owner", "readers"),
}

_encode = msgspec.json.Encoder().encode


class Collections(NamedTuple):
    """The collections of one generation, and ``orphans``, which all generations share."""

    jobs: Collection
    batches: Collection
    gone: Collection
    orphans: Collection


def collections_of(database: Database, generation: str) -> Collections:
    """Return the collections of this generation."""
    return Collections(
        jobs=database[f"jobs_{generation}"],
        batches=database[f"batches_{generation}"],
        gone=database[f"gone_{generation}"],
        orphans=database["orphans"],
    )


async def make_indexes(to: Collections) -> None:
    """Create the indexes that lists walk; several processes may do so at once."""
    single = [IndexModel(field) for field in ("group", "position", "blobs")]
    await to.jobs.create_indexes([*_list_indexes("jobs"), *single])
    await to.batches.create_indexes([*_list_indexes("batches"), *single])
    await to.gone.create_index("at", expireAfterSeconds=DELETIONS_KEPT_S)
    await to.orphans.create_index([("since", ASCENDING), ("_id", ASCENDING)])


def _list_indexes(table: str) -> Iterable[IndexModel]:
    for leading in _LEADING[table]:
        for sort in _SORTS:
            fields = [field for field in (leading, sort, "position") if field is not None]
            yield IndexModel([(field, ASCENDING) for field in fields])


def job_fields(job: JobDocument) -> Fields:
    """Return a job in its stored form."""
    return {"_id": job.job_id, "batch_id": job.batch_id} | _fields(job)


def batch_fields(batch: BatchDocument) -> Fields:
    """Return a batch in its stored form."""
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
        "readers": [EVERYONE] if is_public else sorted(map(_mark_name, names)),
        "created_at": milliseconds(document.created_at),
        "updated_at": milliseconds(document.updated_at),
        "blobs": sorted(references(document)),
        # JSON: clients' parameters have keys and numbers that BSON cannot hold
        "document": _encode(document).decode(),
    }


def readable_filter(caller: Caller) -> Fields:
    """Return the condition for documents that ``caller`` may read."""
    if caller.trusted:
        return {}
    marked = [] if caller.user is None else [_mark_name(caller.user)]
    return {"readers": {"$in": [EVERYONE, *marked]}}


def _mark_name(name: str) -> str:
    """Prefix a user name, so that a user named ``*`` is not taken for `EVERYONE`."""
    return f"@{name}"
