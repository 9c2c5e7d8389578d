"""Which documents refer to which blobs, and the blobs that none refers to any more.

A document is named by its position, which no job has in common with a batch.
"""

from collections.abc import Collection, Sequence

from eventjob.projection.read_model import BatchDocument, JobDocument, references
from eventjob.projection.sqlite.acls import json_list
from eventjob.projection.sqlite.generations import Generation


class Blobs:
    """References as a transaction changes them."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._released: set[str] = set()
        self._taken: set[str] = set()

    def refer(self, documents: Sequence[JobDocument | BatchDocument]) -> None:
        """These documents refer to the blobs they name, and to no others."""
        found = self._generation.execute(
            "SELECT position, sha256 FROM blobs_@ "
            "WHERE position IN (SELECT value FROM json_each(?))",
            (json_list(document.position for document in documents),),
        )
        before = set(found)
        after = {(d.position, sha256) for d in documents for sha256 in references(d)}
        self._generation.executemany(
            "DELETE FROM blobs_@ WHERE position = ? AND sha256 = ?", before - after
        )
        self._generation.executemany("INSERT INTO blobs_@ VALUES (?, ?)", after - before)
        self._released |= {sha256 for _, sha256 in before - after}
        self._taken |= {sha256 for _, sha256 in after - before}

    def release(self, positions: Collection[int]) -> None:
        """The documents at these positions are gone."""
        released = self._generation.execute(
            "DELETE FROM blobs_@ "
            "WHERE position IN (SELECT value FROM json_each(?)) RETURNING sha256",
            (json_list(positions),),
        )
        self._released |= {sha256 for (sha256,) in released}

    def note_orphans(self, dropped: Collection[str], since_ms: int) -> None:
        """Remember what was let go of and has no reference; forget what has one again."""
        self._generation.execute(
            "DELETE FROM orphans_@ WHERE sha256 IN (SELECT value FROM json_each(?))",
            (json_list(self._taken),),
        )
        self._generation.execute(
            "INSERT OR IGNORE INTO orphans_@ SELECT value, ? FROM json_each(?) "
            "WHERE NOT EXISTS (SELECT 1 FROM blobs_@ WHERE sha256 = value)",
            (since_ms, json_list(self._released.union(dropped))),
        )


def orphans(generation: Generation, before_ms: int, limit: int) -> list[str]:
    """Blobs without a reference since before then; the longest forgotten first."""
    found = generation.execute(
        "SELECT sha256 FROM orphans_@ WHERE since < ? ORDER BY since, sha256 LIMIT ?",
        (before_ms, limit),
    )
    return [sha256 for (sha256,) in found]


def unreferenced(generation: Generation, shas: Collection[str]) -> set[str]:
    """Those of these blobs that no document refers to."""
    found = generation.execute(
        "SELECT value FROM json_each(?) "
        "WHERE NOT EXISTS (SELECT 1 FROM blobs_@ WHERE sha256 = value)",
        (json_list(shas),),
    )
    return {sha256 for (sha256,) in found}


def forget_orphans(generation: Generation, shas: Collection[str]) -> None:
    """These blobs are gone."""
    generation.execute(
        "DELETE FROM orphans_@ WHERE sha256 IN (SELECT value FROM json_each(?))", (json_list(shas),)
    )
