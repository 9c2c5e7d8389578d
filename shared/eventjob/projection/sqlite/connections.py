"""Connections to a SQLite file that may disappear, be replaced, or return at any time."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventjob.projection.sqlite.schema import BUSY_TIMEOUT_S, prepare
from eventjob.projection.store import StoreRefused, StoreUnavailable

_SETTINGS = (
    "PRAGMA synchronous = NORMAL",  # a lost end is replayed from the log, from the checkpoint on
    "PRAGMA temp_store = MEMORY",
    "PRAGMA secure_delete = FAST",  # ON would overwrite a removed generation page by page
    "PRAGMA cache_size = -65536",  # KiB
    "PRAGMA wal_autocheckpoint = 16000",  # pages of 4 KiB: 64 MB
    "PRAGMA journal_size_limit = 67108864",
)


class Connections:
    """A pool with a connection for each thread at work; threads may share one in turn."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[_Connection] = []

    @contextmanager
    def transaction(self, kind: str) -> Iterator[sqlite3.Connection]:
        """Borrow a connection within a transaction (``DEFERRED`` to read, ``IMMEDIATE`` to write).

        Raises:
            StoreUnavailable: the file is unusable; the next transaction tries again.
        """
        connection = None
        try:
            connection = self._borrow()
            connection.sqlite.execute(f"BEGIN {kind}")
            yield connection.sqlite
            connection.sqlite.execute("COMMIT")
            self._idle.append(connection)
            connection = None
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(f"{self._path.name}: {_reason(error)}") from error
        finally:
            if connection is not None:
                connection.sqlite.close()

    def close(self) -> None:
        """Close all idle connections."""
        while self._idle:
            self._idle.pop().sqlite.close()

    def _borrow(self) -> "_Connection":
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._open()
            # after a restore or a deletion the path leads to another file, or to none
            if connection.file_id == _file_id(self._path):
                return connection
            connection.sqlite.close()

    def _open(self) -> "_Connection":
        sqlite = sqlite3.connect(
            # isolation_level None: transactions are begun by hand
            self._path,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            prepare(sqlite)
            for setting in _SETTINGS:
                sqlite.execute(setting)
            return _Connection(sqlite, _file_id(self._path))
        except StoreRefused as error:
            sqlite.close()
            raise StoreRefused(f"{self._path.name}: {error}") from error
        except (sqlite3.Error, OSError):
            sqlite.close()
            raise


class _Connection:
    """A connection and the id of its file: SQLite would go on with a deleted one."""

    def __init__(self, sqlite: sqlite3.Connection, file_id: tuple[int, int] | None) -> None:
        self.sqlite = sqlite
        self.file_id = file_id


def _file_id(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _reason(error: sqlite3.Error | OSError) -> str:
    """Return the error's text without the path."""
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
