"""The tables of the SQLite projection, and how a file comes to have them.

Rows hold what is filtered and sorted by; documents lie apart, so that a long walk over rows stays
short in bytes. A row's key is its document's position: each index ends with it, and ties are
broken by it. ``*_counts`` are the exact numbers behind every total.

An acl stands for an owner together with all who may read; an object's never changes.
"""

import sqlite3
import time

from services.api.store import StoreRefused

SCHEMA_VERSION = 1  # goes up with any change of these tables or of the documents
BUSY_TIMEOUT_S = 5.0
APPLICATION_ID = 0x65766A62  # "evjb", as SQLite's file header says whose file it is

_TABLES = """
CREATE TABLE progress (only INTEGER PRIMARY KEY CHECK (only = 1), checkpoint INTEGER NOT NULL);
INSERT INTO progress VALUES (1, 0);

CREATE TABLE acls (acl INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, owner TEXT, public INTEGER);
CREATE INDEX acls_owner ON acls (owner);
CREATE INDEX acls_public ON acls (acl) WHERE public;
CREATE TABLE readers (reader TEXT, acl INTEGER, PRIMARY KEY (reader, acl)) WITHOUT ROWID;

CREATE TABLE jobs (
  position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL,
  acl INTEGER NOT NULL, batch_id TEXT, status TEXT NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
);
CREATE TABLE jobs_documents (position INTEGER PRIMARY KEY, document BLOB NOT NULL);
CREATE TABLE jobs_counts (
  acl INTEGER, batch_id TEXT, status TEXT, n INTEGER NOT NULL,
  PRIMARY KEY (batch_id, acl, status)
) WITHOUT ROWID;

CREATE TABLE batches (
  position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL,
  acl INTEGER NOT NULL, archived INTEGER NOT NULL, status TEXT NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
);
CREATE TABLE batches_documents (position INTEGER PRIMARY KEY, document BLOB NOT NULL);
CREATE TABLE batches_counts (
  acl INTEGER, archived INTEGER, status TEXT, n INTEGER NOT NULL,
  PRIMARY KEY (acl, archived, status)
) WITHOUT ROWID;

CREATE TABLE blobs (job INTEGER, sha256 TEXT, PRIMARY KEY (job, sha256)) WITHOUT ROWID;
CREATE INDEX blobs_sha256 ON blobs (sha256);
CREATE TABLE orphans (sha256 TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;
"""

SORTS = ("created_at", "updated_at")
LEADING = {
    "jobs": (None, "batch_id", "status", "acl"),
    "batches": (None, "archived", "status", "acl"),
}


def index_name(table: str, leading: str | None, sort: str) -> str:
    """The index that finds rows of one value of ``leading`` in the order of ``sort``."""
    return "_".join(filter(None, (table, leading, sort)))


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
    for statement in _statements():
        connection.execute(statement)
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
    return [name for (name,) in found]


def _statements() -> list[str]:
    indexes = [
        f"CREATE INDEX {index_name(table, leading, sort)} ON {table} "
        f"({', '.join(filter(None, (leading, sort)))})"
        for table, columns in LEADING.items()
        for leading in columns
        for sort in SORTS
    ]
    return [*filter(str.strip, _TABLES.split(";")), *indexes]
