"""Generations of the SQLite projection: one is read, one may grow beside it, old ones go."""

# ruff: noqa: S608 - names of tables and columns are this product's own constants

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Any

from eventjob.projection.sqlite.schema import create_tables, names
from eventjob.projection.store import StoreMoved

BRIEFLY_S = 0.01  # one transaction of a removal: other writers wait meanwhile
SLICE = 1000  # rows that are removed at once


class Generation:
    """One generation within a transaction; ``@`` in a statement stands for its number."""

    def __init__(self, connection: sqlite3.Connection, number: int, checkpoint: int) -> None:
        self._connection = connection
        self.number = number
        self.checkpoint = checkpoint

    def execute(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> sqlite3.Cursor:
        """The rows that a statement finds."""
        return self._connection.execute(sql.replace("@", str(self.number)), parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        """A statement for each of these parameters."""
        self._connection.executemany(sql.replace("@", str(self.number)), parameters)


def current(connection: sqlite3.Connection) -> Generation:
    """The generation that is read."""
    found = connection.execute(
        "SELECT generation, checkpoint FROM progress WHERE state = 'current'"
    ).fetchone()
    return Generation(connection, *found)


def numbered(connection: sqlite3.Connection, number: int) -> Generation:
    """The generation of this number.

    Raises:
        StoreMoved: it is not read, and does not grow, any more.
    """
    found = connection.execute(
        "SELECT generation, checkpoint FROM progress"
        " WHERE generation = ? AND state IN ('current', 'beside')",
        (number,),
    ).fetchone()
    if found is None:
        raise StoreMoved(f"generation {number} of the projection was given up for another")
    return Generation(connection, *found)


def begin(connection: sqlite3.Connection) -> int:
    """The number of a new, empty generation; another that still grew is given up."""
    connection.execute("UPDATE progress SET state = 'abandoned' WHERE state = 'beside'")
    made = connection.execute(
        "INSERT INTO progress (checkpoint, state) VALUES (0, 'beside') RETURNING generation"
    )
    number = int(made.fetchone()[0])
    create_tables(connection, number)
    return number


def adopt(connection: sqlite3.Connection, number: int) -> bool:
    """Let this generation be read from now on, unless it is behind the one that is."""
    if numbered(connection, number).checkpoint < current(connection).checkpoint:
        return False
    connection.execute("UPDATE progress SET state = 'replaced' WHERE state = 'current'")
    connection.execute("UPDATE progress SET state = 'current' WHERE generation = ?", (number,))
    return True


def abandon(connection: sqlite3.Connection, number: int) -> None:
    """This generation is not wanted, unless it is read already."""
    connection.execute(
        "UPDATE progress SET state = 'abandoned' WHERE generation = ? AND state = 'beside'",
        (number,),
    )


def remove_some(connection: sqlite3.Connection, now_ms: int) -> bool:
    """Remove what is neither read nor grows, for a short time; False where all is gone."""
    until = monotonic() + BRIEFLY_S
    while _remove_one(connection, now_ms):
        if monotonic() > until:
            return True
    return False


def _remove_one(connection: sqlite3.Connection, now_ms: int) -> bool:
    """One step.

    Jobs that were deleted have no events any more, so only the generation that was read until now
    knows their blobs: before it goes, the current one takes over what it does not refer to itself.
    """
    found = connection.execute(
        "SELECT generation, state FROM progress WHERE state IN ('replaced', 'abandoned')"
    ).fetchone()
    if found is None:
        return False
    number, state = found
    generation = current(connection)
    if state == "abandoned":
        if not _drop_some(connection, number):
            connection.execute("DELETE FROM progress WHERE generation = ?", (number,))
    elif not (
        _take_over(generation, f"orphans_{number}", "sha256", "since")
        or _take_over(generation, f"blobs_{number}", "position", f"{now_ms:d}")
    ):
        connection.execute(
            "UPDATE progress SET state = 'abandoned' WHERE generation = ?", (number,)
        )
    return True


def _take_over(generation: Generation, source: str, key: str, since: str) -> bool:
    """Move some blobs to the orphans, but those that the generation refers to; False for none."""
    (last,) = generation.execute(
        f"SELECT max({key}) FROM (SELECT {key} FROM {source} ORDER BY {key} LIMIT {SLICE})"
    ).fetchone()
    if last is None:
        return False
    generation.execute(
        f"INSERT OR IGNORE INTO orphans_@ SELECT sha256, {since} FROM {source} AS old"
        f" WHERE {key} <= ? AND NOT EXISTS (SELECT 1 FROM blobs_@ WHERE sha256 = old.sha256)",
        (last,),
    )
    generation.execute(f"DELETE FROM {source} WHERE {key} <= ?", (last,))
    return True


def _drop_some(connection: sqlite3.Connection, number: int) -> bool:
    """Drop an index or table of this generation, or empty one a bit; False where none is left."""
    left = names(connection, number)
    if not left:
        return False
    kind, name = left[0]
    if "_documents_" in name:
        some = f"SELECT position FROM {name} ORDER BY position LIMIT {SLICE}"
        removed = connection.execute(
            f"DELETE FROM {name} WHERE position <= (SELECT max(position) FROM ({some}))"
        )
        if removed.rowcount:
            return True
    connection.execute(f"DROP {kind} {name}")
    return True
