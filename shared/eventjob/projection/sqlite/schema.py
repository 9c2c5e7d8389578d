"""The tables of the SQLite projection, and how a file comes to have them.

All but ``progress`` exist once for each generation, whose number ends their names. Rows hold what
is filtered and sorted by; documents lie apart, so that a long walk over rows stays short in bytes.
A row's key is its document's position: each index ends with it, and ties are broken by it.
``*_counts`` are the exact numbers behind every total.

An acl stands for an owner together with all who may read; an object's never changes.
"""

import sqlite3
import time
from collections.abc import Sequence

from eventjob.projection.store import StoreRefused

SCHEMA_VERSION = 3  # goes up with any change of these tables or of the documents
BUSY_TIMEOUT_S = 5.0
APPLICATION_ID = 0x65766A62  # "evjb", as SQLite's file header says whose file it is

_PROGRESS = """
CREATE TABLE progress (
  generation INTEGER PRIMARY KEY AUTOINCREMENT, checkpoint INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('current', 'beside', 'replaced', 'abandoned'))
);
CREATE UNIQUE INDEX progress_current ON progress (state) WHERE state = 'current';
INSERT INTO progress VALUES (1, 0, 'current');
"""

_TABLES = """
CREATE TABLE acls_@ (acl INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, owner TEXT, public INTEGER);
CREATE INDEX acls_owner_@ ON acls_@ (owner);
CREATE INDEX acls_public_@ ON acls_@ (acl) WHERE public;
CREATE TABLE readers_@ (reader TEXT, acl INTEGER, PRIMARY KEY (reader, acl)) WITHOUT ROWID;

CREATE TABLE jobs_@ (
  position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL,
  acl INTEGER NOT NULL, batch_id TEXT, status TEXT NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
);
CREATE TABLE jobs_documents_@ (position INTEGER PRIMARY KEY, document BLOB NOT NULL);
CREATE TABLE jobs_counts_@ (
  acl INTEGER, batch_id TEXT, status TEXT, n INTEGER NOT NULL,
  PRIMARY KEY (batch_id, acl, status)
) WITHOUT ROWID;

CREATE TABLE batches_@ (
  position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL,
  acl INTEGER NOT NULL, archived INTEGER NOT NULL, status TEXT NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
);
CREATE TABLE batches_documents_@ (position INTEGER PRIMARY KEY, document BLOB NOT NULL);
CREATE TABLE batches_counts_@ (
  acl INTEGER, archived INTEGER, status TEXT, n INTEGER NOT NULL,
  PRIMARY KEY (acl, archived, status)
) WITHOUT ROWID;

CREATE TABLE blobs_@ (position INTEGER, sha256 TEXT, PRIMARY KEY (position, sha256)) WITHOUT ROWID;
CREATE INDEX blobs_sha256_@ ON blobs_@ (sha256);
CREATE TABLE orphans_@ (sha256 TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;
"""

SORTS = ("created_at", "updated_at")
LEADING = {
    "jobs": (("batch_id", "acl", "status"), ("acl", "status")),  # few: each costs every write
    "batches": (("acl", "archived", "status"), ("archived", "status")),
}


def index_name(table: str, leading: Sequence[str], sort: str) -> str:
    """The index that has rows with the same values of ``leading`` in the order of ``sort``."""
    return "_".join((table, *leading, sort, "@"))


def create_tables(connection: sqlite3.Connection, generation: int) -> None:
    """All that one generation consists of, empty."""
    indexes = [
        f"CREATE INDEX {index_name(table, leading, sort)} ON {table}_@"
        f" ({', '.join((*leading, sort))})"
        for table, every in LEADING.items()
        for leading in every
        for sort in SORTS
    ]
    for statement in [*_statements(_TABLES), *indexes]:
        connection.execute(statement.replace("@", str(generation)))


def names(connection: sqlite3.Connection, generation: int) -> list[tuple[str, str]]:
    """What there is of a generation, each as (index or table, name); indexes come first."""
    found = connection.execute(
        "SELECT type, name FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name"
    )
    return [(kind, name) for kind, name in found if name.endswith(f"_{generation}")]


def prepare(connection: sqlite3.Connection) -> None:
    """Bring the file to this version's tables; those of an older version are emptied for it.

    Raises:
        StoreRefused: a newer version wrote the file, or something else than this product.
    """
    connection.execute("BEGIN")
    with connection:  # one look at all of it, or another's schema is seen half
        version = _version(connection)
    if version == SCHEMA_VERSION:
        return
    _use_write_ahead_log(connection)
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        if _version(connection) != SCHEMA_VERSION:  # still: nobody else has done it meanwhile
            _rebuild(connection)


def _rebuild(connection: sqlite3.Connection) -> None:
    for name in _tables(connection):
        connection.execute(f'DROP TABLE "{name}"')
    for statement in _statements(_PROGRESS):
        connection.execute(statement)
    create_tables(connection, 1)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """SQLite itself does not wait where several switch over the same new file."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    owner: int = connection.execute("PRAGMA application_id").fetchone()[0]
    if owner != APPLICATION_ID and _tables(connection):
        raise StoreRefused("the file is some other program's database")
    if version > SCHEMA_VERSION:
        raise StoreRefused(
            f"a newer version wrote the file (schema {version}, this is {SCHEMA_VERSION})"
        )
    return version


def _tables(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return [name for (name,) in found if not name.startswith("sqlite_")]


def _statements(script: str) -> list[str]:
    return [*filter(str.strip, script.split(";"))]
