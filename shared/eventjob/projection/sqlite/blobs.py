"""References from documents to blobs, and the blobs that lost their last one.

A document is identified by its position, which is unique over jobs and batches.
"""

from collections.abc import Collection, Sequence

from eventjob.projection.read_model import BatchDocument, JobDocument, references
from eventjob.projection.sqlite.acls import json_list
from eventjob.projection.sqlite.generations import Generation


class Blobs:
    """Changes of references within a transaction."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._released: set[str] = set()
        self._referenced: set[str] = set()

    def refer(self, documents: Sequence[JobDocument | BatchDocument]) -> None:
        """Set the blobs that these documents reference."""
        rows = self._generation.execute(
            "SELECT position, sha256 FROM blobs_@ "
            "WHERE position IN (SELECT value FROM json_each(?))",
            (json_list(document.position for document in documents),),
        )
        before = set(rows)
        after = {(d.position, sha256) for d in documents for sha256 in references(d)}
        self._generation.executemany(
            "DELETE FROM blobs_@ WHERE position = ? AND sha256 = ?", before - after
        )
        self._generation.executemany("INSERT INTO blobs_@ VALUES (?, ?)", after - before)
        self._released |= {sha256 for _, sha256 in before - after}
        self._referenced |= {sha256 for _, sha256 in after - before}

    def release(self, positions: Collection[int]) -> None:
        """Remove the references of the deleted documents at these positions."""
        released = self._generation.execute(
            "DELETE FROM blobs_@ "
            "WHERE position IN (SELECT value FROM json_each(?)) RETURNING sha256",
            (json_list(positions),),
        )
        self._released |= {sha256 for (sha256,) in released}

    def note_orphans(self, dropped: Collection[str], since_ms: int) -> None:
        """Record released blobs as orphans; forget those with a reference again."""
        self._generation.execute(
            "DELETE FROM orphans_@ WHERE sha256 IN (SELECT value FROM json_each(?))",
            (json_list(self._referenced),),
        )
        self._generation.execute(
            # IGNORE: the grace counts from when a blob was first released
            "INSERT OR IGNORE INTO orphans_@ SELECT value, ? FROM json_each(?) "
            "WHERE NOT EXISTS (SELECT 1 FROM blobs_@ WHERE sha256 = value)",
            (since_ms, json_list(self._released.union(dropped))),
        )


def orphans(generation: Generation, before_ms: int, limit: int) -> list[str]:
    """Return blobs that lost their last reference before then; oldest first."""
    rows = generation.execute(
        "SELECT sha256 FROM orphans_@ WHERE since < ? ORDER BY since, sha256 LIMIT ?",
        (before_ms, limit),
    )
    return [sha256 for (sha256,) in rows]


def unreferenced(generation: Generation, shas: Collection[str]) -> set[str]:
    """Return those of these blobs that lack a reference."""
    rows = generation.execute(
        "SELECT value FROM json_each(?) "
        "WHERE NOT EXISTS (SELECT 1 FROM blobs_@ WHERE sha256 = value)",
        (json_list(shas),),
    )
    return {sha256 for (sha256,) in rows}


def forget_orphans(generation: Generation, shas: Collection[str]) -> None:
    """Forget these blobs, which were deleted."""
    generation.execute(
        "DELETE FROM orphans_@ WHERE sha256 IN (SELECT value FROM json_each(?))", (json_list(shas),)
    )
