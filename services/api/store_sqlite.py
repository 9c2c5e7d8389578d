"""The projection in a SQLite file: one writer, many readers, over several processes."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Connection
from typing import TypeVar

import msgspec

from services.api import store_sqlite_blobs, store_sqlite_read, store_sqlite_write
from services.api.read_model import BatchDocument, JobDocument
from services.api.store import BatchQuery, Changes, JobQuery, Page
from services.api.store_sqlite_acls import json_list
from services.api.store_sqlite_connections import Connections
from services.api.store_sqlite_write import batch_ids, milliseconds

READERS = 4

Result = TypeVar("Result")

_job = msgspec.json.Decoder(JobDocument).decode
_batch = msgspec.json.Decoder(BatchDocument).decode


class SqliteStore:
    """The `Store` in a file. Its folder must exist; the file is made, and made again, when absent.

    Nothing here blocks the event loop: writes have a thread, reads have a few.
    """

    def __init__(
        self, path: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._connections = Connections(path)
        self._clock = clock
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._readers = ThreadPoolExecutor(READERS, "store-reader")

    async def checkpoint(self) -> int:
        """See `Store`."""
        return await self._read(_checkpoint)

    async def apply(self, changes: Changes) -> None:
        """See `Store`."""
        at = self._clock()
        await self._write(lambda connection: store_sqlite_write.apply(connection, changes, at))

    async def jobs(self, job_ids: Collection[str]) -> dict[str, JobDocument]:
        """See `Store`."""
        if not job_ids:
            return {}
        found = await self._read(lambda connection: _by_id(connection, "jobs", job_ids))
        return {job.job_id: job for job in map(_job, found)}

    async def batches(self, groups: Collection[str]) -> dict[str, BatchDocument]:
        """See `Store`."""
        if not groups:
            return {}
        ids = batch_ids(groups)
        found = await self._read(lambda connection: _by_id(connection, "batches", ids))
        return {batch.group: batch for batch in map(_batch, found)}

    async def job(self, job_id: str) -> JobDocument | None:
        """See `Store`."""
        return (await self.jobs([job_id])).get(job_id)

    async def batch(self, batch_id: str) -> BatchDocument | None:
        """See `Store`."""
        found = await self._read(lambda connection: _by_id(connection, "batches", [batch_id]))
        return _batch(found[0]) if found else None

    async def list_jobs(self, query: JobQuery) -> Page[JobDocument]:
        """See `Store`."""

        def find(connection: Connection) -> Page[JobDocument]:
            total, found = store_sqlite_read.find(connection, "jobs", query)
            return Page(total, [_job(document) for document in found])

        return await self._read(find)

    async def list_batches(self, query: BatchQuery) -> Page[BatchDocument]:
        """See `Store`."""

        def find(connection: Connection) -> Page[BatchDocument]:
            total, found = store_sqlite_read.find(connection, "batches", query)
            return Page(total, [_batch(document) for document in found])

        return await self._read(find)

    async def orphans(self, older_than: datetime, limit: int) -> list[str]:
        """See `Store`."""
        before = milliseconds(older_than)
        return await self._read(
            lambda connection: store_sqlite_blobs.orphans(connection, before, limit)
        )

    async def forget_orphans(self, shas: Collection[str]) -> None:
        """See `Store`."""
        await self._write(lambda connection: store_sqlite_blobs.forget_orphans(connection, shas))

    async def close(self) -> None:
        """See `Store`."""
        await asyncio.to_thread(self._writer.shutdown)
        await asyncio.to_thread(self._readers.shutdown)
        self._connections.close()

    async def _read(self, work: Callable[[Connection], Result]) -> Result:
        return await self._in_transaction(self._readers, "DEFERRED", work)

    async def _write(self, work: Callable[[Connection], Result]) -> Result:
        return await self._in_transaction(self._writer, "IMMEDIATE", work)

    async def _in_transaction(
        self, threads: ThreadPoolExecutor, kind: str, work: Callable[[Connection], Result]
    ) -> Result:
        def run() -> Result:
            with self._connections.transaction(kind) as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(threads, run)


def _checkpoint(connection: Connection) -> int:
    return int(connection.execute("SELECT checkpoint FROM progress").fetchone()[0])


def _by_id(connection: Connection, table: str, ids: Sequence[str] | Collection[str]) -> list[bytes]:
    found = connection.execute(
        f"SELECT document FROM {table} JOIN {table}_documents USING (position) "  # noqa: S608
        "WHERE id IN (SELECT value FROM json_each(?))",
        (json_list(ids),),
    )
    return [document for (document,) in found]
