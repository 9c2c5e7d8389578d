"""Writing changes into the SQLite projection, within the caller's transaction."""

# ruff: noqa: S608 - names of tables and columns are this module's own constants

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from eventjob.projection.read_model import BatchDocument, JobDocument
from eventjob.projection.sqlite.acls import Acls, json_list
from eventjob.projection.sqlite.blobs import Blobs
from eventjob.projection.sqlite.generations import Generation
from eventjob.projection.store import Changes, Document, StoreMoved, milliseconds

FACET = {"jobs": "batch_id", "batches": "archived"}
_CHANGING = {
    "jobs": ("sequence", "status", "updated_at"),
    "batches": ("sequence", "archived", "status", "updated_at"),
}

_encode = msgspec.json.Encoder().encode


def batch_ids(groups: Iterable[str]) -> list[str]:
    """The ids that batches of these groups can have: see `eventjob.domain.ids.batch_group`."""
    return [batch_id for group in groups for batch_id in (group[2:], f"batch-{group[2:]}")]


def apply(generation: Generation, changes: Changes, at: datetime) -> None:
    """Write all of ``changes``; a document that is there in a later state stays.

    Raises:
        StoreMoved: the documents are not where the changes begin.
    """
    if generation.checkpoint != changes.after:
        raise StoreMoved(
            f"the projection is at {generation.checkpoint} and not at {changes.after}: "
            "somebody else wrote"
        )
    acls = Acls(generation)
    blobs = Blobs(generation)
    blobs.refer(_write(generation, "jobs", changes.jobs, acls))
    blobs.refer(_write(generation, "batches", changes.batches, acls))
    blobs.release(_delete_all(generation, changes))
    blobs.note_orphans(changes.dropped, milliseconds(at))
    generation.execute(
        "UPDATE progress SET checkpoint = max(checkpoint, ?) WHERE generation = @",
        (changes.checkpoint,),
    )


def _write(
    generation: Generation, table: str, documents: Sequence[Document], acls: Acls
) -> list[Document]:
    """Those documents that were not there in a later state, and are written now."""
    rows = [_row(document, acls) for document in documents]
    known = _known(generation, table, [row[0] for row in rows])
    newer = [
        (document, row)
        for document, row in zip(documents, rows, strict=True)
        if row[0] not in known or document.sequence > known[row[0]][0]
    ]
    update = ", ".join(f"{column} = excluded.{column}" for column in _CHANGING[table])
    generation.executemany(
        f"INSERT INTO {table}_@ VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
        f"ON CONFLICT (position) DO UPDATE SET {update}",
        [row for _, row in newer],
    )
    generation.executemany(
        f"INSERT INTO {table}_documents_@ VALUES (?, ?) "
        "ON CONFLICT (position) DO UPDATE SET document = excluded.document",
        [(document.position, _encode(document)) for document, _ in newer],
    )
    before = [known[row[0]][1:] for _, row in newer if row[0] in known]
    _count(generation, table, more=[row[3:6] for _, row in newer], fewer=before)
    return [document for document, _ in newer]


def _delete_all(generation: Generation, changes: Changes) -> list[int]:
    """The positions of the documents that are gone."""
    batches = batch_ids(changes.deleted_groups)
    alone = [group[2:] for group in changes.deleted_groups if group.startswith("j-")]
    return [
        *_delete(generation, "batches", "id", batches),
        *_delete(generation, "jobs", "id", [*changes.deleted_jobs, *alone]),
        *_delete(generation, "jobs", "batch_id", batches),
    ]


def _delete(generation: Generation, table: str, column: str, values: Sequence[str]) -> list[int]:
    if not values:
        return []
    deleted = generation.execute(
        f"DELETE FROM {table}_@ WHERE {column} IN (SELECT value FROM json_each(?)) "
        f"RETURNING position, acl, {FACET[table]}, status",
        (json_list(values),),
    ).fetchall()
    positions = [row[0] for row in deleted]
    generation.execute(
        f"DELETE FROM {table}_documents_@ WHERE position IN (SELECT value FROM json_each(?))",
        (json_list(positions),),
    )
    _count(generation, table, more=[], fewer=[row[1:] for row in deleted])
    return positions


def _count(
    generation: Generation,
    table: str,
    *,
    more: Iterable[tuple[Any, ...]],
    fewer: Iterable[tuple[Any, ...]],
) -> None:
    """Keep the numbers behind the totals exact, for rows of (acl, facet, status)."""
    change = Counter(more)
    change.subtract(Counter(fewer))
    keys = [(acl, "" if facet is None else facet, status) for acl, facet, status in change]
    generation.executemany(
        f"INSERT INTO {table}_counts_@ VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET n = n + excluded.n",
        [(*key, n) for key, n in zip(keys, change.values(), strict=True)],
    )
    generation.executemany(
        f"DELETE FROM {table}_counts_@"
        f" WHERE acl = ? AND {FACET[table]} = ? AND status = ? AND n = 0",
        keys,
    )


def _known(
    generation: Generation, table: str, positions: Sequence[int]
) -> dict[int, tuple[Any, ...]]:
    """What the rows at these positions say: sequence, acl, facet and status."""
    found = generation.execute(
        f"SELECT position, sequence, acl, {FACET[table]}, status FROM {table}_@ "
        "WHERE position IN (SELECT value FROM json_each(?))",
        (json_list(positions),),
    )
    return {row[0]: row[1:] for row in found}


def _row(document: JobDocument | BatchDocument, acls: Acls) -> tuple[Any, ...]:
    match document:
        case JobDocument(job_id=key, batch_id=facet):
            pass
        case BatchDocument(batch_id=key, archived=facet):
            pass
    return (
        document.position,
        key,
        document.sequence,
        acls.of(document.owner, document.access),
        facet,
        document.status,
        milliseconds(document.created_at),
        milliseconds(document.updated_at),
    )
