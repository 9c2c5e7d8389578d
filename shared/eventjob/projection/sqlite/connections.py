"""Connections to a SQLite file that may vanish, be replaced, or come back at any time."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventjob.projection.sqlite.schema import BUSY_TIMEOUT_S, prepare
from eventjob.projection.store import StoreRefused, StoreUnavailable

_SETTINGS = (
    "PRAGMA synchronous = NORMAL",  # the log is the truth; the checkpoint is never ahead
    "PRAGMA temp_store = MEMORY",
    "PRAGMA secure_delete = FAST",  # else a generation that goes is overwritten page by page
    "PRAGMA cache_size = -65536",  # KiB
    "PRAGMA wal_autocheckpoint = 16000",  # pages of 4 KiB: 64 MB
    "PRAGMA journal_size_limit = 67108864",
)


class Connections:
    """As many connections as threads borrow at the same time; threads may share them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[_Connection] = []

    @contextmanager
    def transaction(self, kind: str) -> Iterator[sqlite3.Connection]:
        """A connection within a transaction (``DEFERRED`` to read, ``IMMEDIATE`` to write).

        Raises:
            StoreUnavailable: the file cannot be used; the next transaction tries anew.
        """
        connection = None
        try:
            connection = self._take()
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
        """Close what nobody has borrowed."""
        while self._idle:
            self._idle.pop().sqlite.close()

    def _take(self) -> "_Connection":
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._open()
            if connection.file == _identity(self._path):
                return connection
            connection.sqlite.close()

    def _open(self) -> "_Connection":
        sqlite = sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            prepare(sqlite)
            for setting in _SETTINGS:
                sqlite.execute(setting)
            return _Connection(sqlite, _identity(self._path))
        except StoreRefused as error:
            sqlite.close()
            raise StoreRefused(f"{self._path.name}: {error}") from error
        except (sqlite3.Error, OSError):
            sqlite.close()
            raise


class _Connection:
    """A connection, and which file it was opened on: SQLite goes on with one that is gone."""

    def __init__(self, sqlite: sqlite3.Connection, file: tuple[int, int] | None) -> None:
        self.sqlite = sqlite
        self.file = file


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _reason(error: sqlite3.Error | OSError) -> str:
    """Without the path, which is nobody's business outside."""
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
