"""Write changes into SQLite within the caller's transaction."""

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

FACET_COLUMN = {"jobs": "batch_id", "batches": "archived"}
_UPDATED_COLUMNS = {
    "jobs": ("sequence", "status", "updated_at"),
    "batches": ("sequence", "archived", "status", "updated_at"),
}

_encode = msgspec.json.Encoder().encode


def batch_ids(groups: Iterable[str]) -> list[str]:
    """Return the possible batch ids of these groups: see `eventjob.domain.ids.batch_group`."""
    return [batch_id for group in groups for batch_id in (group[2:], f"batch-{group[2:]}")]


def apply(generation: Generation, changes: Changes, at: datetime) -> None:
    """Write ``changes`` forward; raise `StoreMoved` unless they start at the checkpoint."""
    if generation.checkpoint != changes.after:
        raise StoreMoved(
            f"the projection is at {generation.checkpoint} and not at {changes.after}: "
            "another writer came first"
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
    """Write the documents that are newer than the stored ones, and return them."""
    rows = [_make_row(document, acls) for document in documents]
    known = _load_known(generation, table, [row[0] for row in rows])
    newer = [
        (document, row)
        for document, row in zip(documents, rows, strict=True)
        # a replay after a crash must not bring back an older state
        if row[0] not in known or document.sequence > known[row[0]][0]
    ]
    update = ", ".join(f"{column} = excluded.{column}" for column in _UPDATED_COLUMNS[table])
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
    _count(generation, table, added=[row[3:6] for _, row in newer], removed=before)
    return [document for document, _ in newer]


def _delete_all(generation: Generation, changes: Changes) -> list[int]:
    """Delete documents and return their positions."""
    batches = batch_ids(changes.deleted_groups)
    # a lone job's id is its group's name
    lone_jobs = [group[2:] for group in changes.deleted_groups if group.startswith("j-")]
    return [
        *_delete(generation, "batches", "id", batches),
        *_delete(generation, "jobs", "id", [*changes.deleted_jobs, *lone_jobs]),
        *_delete(generation, "jobs", "batch_id", batches),
    ]


def _delete(generation: Generation, table: str, column: str, values: Sequence[str]) -> list[int]:
    if not values:
        return []
    deleted = generation.execute(
        f"DELETE FROM {table}_@ WHERE {column} IN (SELECT value FROM json_each(?)) "
        f"RETURNING position, acl, {FACET_COLUMN[table]}, status",
        (json_list(values),),
    ).fetchall()
    positions = [row[0] for row in deleted]
    generation.execute(
        f"DELETE FROM {table}_documents_@ WHERE position IN (SELECT value FROM json_each(?))",
        (json_list(positions),),
    )
    _count(generation, table, added=[], removed=[row[1:] for row in deleted])
    return positions


def _count(
    generation: Generation,
    table: str,
    *,
    added: Iterable[tuple[Any, ...]],
    removed: Iterable[tuple[Any, ...]],
) -> None:
    """Update the counts behind the totals, for rows of (acl, facet, status)."""
    delta = Counter(added)
    delta.subtract(Counter(removed))
    # NULLs in a key are never equal: a lone job counts under an empty batch id
    keys = [(acl, "" if facet is None else facet, status) for acl, facet, status in delta]
    generation.executemany(
        f"INSERT INTO {table}_counts_@ VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET n = n + excluded.n",
        [(*key, n) for key, n in zip(keys, delta.values(), strict=True)],
    )
    generation.executemany(
        f"DELETE FROM {table}_counts_@"
        f" WHERE acl = ? AND {FACET_COLUMN[table]} = ? AND status = ? AND n = 0",
        keys,
    )


def _load_known(
    generation: Generation, table: str, positions: Sequence[int]
) -> dict[int, tuple[Any, ...]]:
    """Return sequence, acl, facet and status of the rows at these positions."""
    rows = generation.execute(
        f"SELECT position, sequence, acl, {FACET_COLUMN[table]}, status FROM {table}_@ "
        "WHERE position IN (SELECT value FROM json_each(?))",
        (json_list(positions),),
    )
    return {row[0]: row[1:] for row in rows}


def _make_row(document: JobDocument | BatchDocument, acls: Acls) -> tuple[Any, ...]:
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
