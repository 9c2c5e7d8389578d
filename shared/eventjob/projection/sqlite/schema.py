"""The tables of the SQLite projection, and how a file gets them.

All but ``progress`` exist once per generation and end with its number. Rows hold the fields to
filter and sort by; documents are stored apart, so that a walk over rows reads few bytes.
A row's key is its document's position, which ends each index and breaks ties.
``*_counts`` hold the exact numbers behind every total. An acl stands for an owner and all readers;
an object's acl never changes.
"""

import sqlite3
import time
from collections.abc import Sequence

from eventjob.projection.store import StoreRefused

SCHEMA_VERSION = 3  # raised by any change of these tables or of the documents
BUSY_TIMEOUT_S = 5.0
APPLICATION_ID = 0x65766A62  # "evjb", which marks the file as this program's

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
    "jobs": (("batch_id", "acl", "status"), ("acl", "status")),  # few: each slows every write
    "batches": (("acl", "archived", "status"), ("archived", "status")),
}


def index_name(table: str, leading: Sequence[str], sort: str) -> str:
    """Return the index that sorts rows of equal ``leading`` columns by ``sort``."""
    return "_".join((table, *leading, sort, "@"))


def create_tables(connection: sqlite3.Connection, generation: int) -> None:
    """Create the tables and indexes of one generation."""
    indexes = [
        f"CREATE INDEX {index_name(table, leading, sort)} ON {table}_@"
        f" ({', '.join((*leading, sort))})"
        for table, every in LEADING.items()
        for leading in every
        for sort in SORTS
    ]
    for statement in [*_split_script(_TABLES), *indexes]:
        connection.execute(statement.replace("@", str(generation)))


def list_objects(connection: sqlite3.Connection, generation: int) -> list[tuple[str, str]]:
    """Return a generation's indexes, then its tables, each as (kind, name)."""
    rows = connection.execute(
        "SELECT type, name FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name"
    )
    return [(kind, name) for kind, name in rows if name.endswith(f"_{generation}")]


def prepare(connection: sqlite3.Connection) -> None:
    """Bring the file to this version's tables; raise `StoreRefused` if that would harm it."""
    connection.execute("BEGIN")
    with connection:  # one transaction: another process may be creating the schema
        version = _read_version(connection)
    if version == SCHEMA_VERSION:
        return
    _enable_wal(connection)
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        if _read_version(connection) != SCHEMA_VERSION:  # no other process was faster
            _recreate(connection)  # the log refills it: no migration is needed


def _recreate(connection: sqlite3.Connection) -> None:
    for name in _list_tables(connection):
        connection.execute(f'DROP TABLE "{name}"')
    for statement in _split_script(_PROGRESS):
        connection.execute(statement)
    create_tables(connection, 1)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _enable_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL, retrying by hand: SQLite fails at once while another process does so."""
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


def _read_version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID and _list_tables(connection):
        raise StoreRefused("the file belongs to another program")
    if version > SCHEMA_VERSION:
        raise StoreRefused(
            f"a newer version wrote the file (schema {version}, this is {SCHEMA_VERSION})"
        )
    return version


def _list_tables(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return [name for (name,) in rows if not name.startswith("sqlite_")]


def _split_script(script: str) -> list[str]:
    return [*filter(str.strip, script.split(";"))]
