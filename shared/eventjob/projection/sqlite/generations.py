"""Generations of the SQLite projection: the current one, one being built, and old ones."""

# ruff: noqa: S608 - names of tables and columns are this product's own constants

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Any

from eventjob.projection.sqlite.schema import create_tables, list_objects
from eventjob.projection.store import StoreMoved

MAX_STEP_S = 0.01  # of write lock in one step of a removal: other writers wait meanwhile
MAX_ROWS = 1000  # removed by one statement


class Generation:
    """A generation within a transaction; ``@`` in a statement stands for its number."""

    def __init__(self, connection: sqlite3.Connection, number: int, checkpoint: int) -> None:
        self._connection = connection
        self.number = number
        self.checkpoint = checkpoint

    def execute(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> sqlite3.Cursor:
        """Run a statement and return its cursor."""
        return self._connection.execute(sql.replace("@", str(self.number)), parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of parameters."""
        self._connection.executemany(sql.replace("@", str(self.number)), parameters)


def read_current(connection: sqlite3.Connection) -> Generation:
    """Return the generation that readers see."""
    row = connection.execute(
        "SELECT generation, checkpoint FROM progress WHERE state = 'current'"
    ).fetchone()
    return Generation(connection, *row)


def read_generation(connection: sqlite3.Connection, number: int) -> Generation:
    """Return the generation of this number; `StoreMoved` if replaced or abandoned."""
    row = connection.execute(
        "SELECT generation, checkpoint FROM progress"
        " WHERE generation = ? AND state IN ('current', 'beside')",
        (number,),
    ).fetchone()
    if row is None:
        raise StoreMoved(f"generation {number} of the projection was given up for another")
    return Generation(connection, *row)


def create_generation(connection: sqlite3.Connection) -> int:
    """Create an empty generation and return its number; one being built is abandoned."""
    # one rebuild at a time: the newest wins
    connection.execute("UPDATE progress SET state = 'abandoned' WHERE state = 'beside'")
    inserted = connection.execute(
        "INSERT INTO progress (checkpoint, state) VALUES (0, 'beside') RETURNING generation"
    )
    number = int(inserted.fetchone()[0])
    create_tables(connection, number)
    return number


def adopt(connection: sqlite3.Connection, number: int) -> bool:
    """Make this generation the current one; False if it lags behind."""
    if read_generation(connection, number).checkpoint < read_current(connection).checkpoint:
        return False
    connection.execute("UPDATE progress SET state = 'replaced' WHERE state = 'current'")
    connection.execute("UPDATE progress SET state = 'current' WHERE generation = ?", (number,))
    return True


def abandon(connection: sqlite3.Connection, number: int) -> None:
    """Abandon this generation, unless it is the current one."""
    connection.execute(
        "UPDATE progress SET state = 'abandoned' WHERE generation = ? AND state = 'beside'",
        (number,),
    )


def remove_step(connection: sqlite3.Connection, now_ms: int) -> bool:
    """Remove parts of old generations for a short time; False when all are gone."""
    until = monotonic() + MAX_STEP_S
    while _remove_next(connection, now_ms):
        if monotonic() > until:
            return True
    return False


def _remove_next(connection: sqlite3.Connection, now_ms: int) -> bool:
    """Remove one part of an old generation."""
    row = connection.execute(
        "SELECT generation, state FROM progress WHERE state IN ('replaced', 'abandoned')"
    ).fetchone()
    if row is None:
        return False
    number, state = row
    generation = read_current(connection)
    # a replaced generation alone knows the blobs of jobs that were deleted: hand them on
    if state == "abandoned":
        if not _drop_next(connection, number):
            connection.execute("DELETE FROM progress WHERE generation = ?", (number,))
    elif not (
        _hand_over_orphans(generation, f"orphans_{number}", "sha256", "since")
        or _hand_over_orphans(generation, f"blobs_{number}", "position", f"{now_ms:d}")
    ):
        connection.execute(
            "UPDATE progress SET state = 'abandoned' WHERE generation = ?", (number,)
        )
    return True


def _hand_over_orphans(generation: Generation, source: str, key: str, since: str) -> bool:
    """Move some unreferenced blobs to the orphans; False when finished."""
    (last,) = generation.execute(
        f"SELECT max({key}) FROM (SELECT {key} FROM {source} ORDER BY {key} LIMIT {MAX_ROWS})"
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


def _drop_next(connection: sqlite3.Connection, number: int) -> bool:
    """Drop an index or table of this generation, or some of its rows; False when finished."""
    objects = list_objects(connection, number)
    if not objects:
        return False
    kind, name = objects[0]
    if "_documents_" in name:
        selected = f"SELECT position FROM {name} ORDER BY position LIMIT {MAX_ROWS}"
        removed = connection.execute(
            f"DELETE FROM {name} WHERE position <= (SELECT max(position) FROM ({selected}))"
        )
        if removed.rowcount:
            return True
    connection.execute(f"DROP {kind} {name}")
    return True
