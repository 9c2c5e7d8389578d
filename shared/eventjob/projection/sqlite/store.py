"""The projection in a SQLite file: one writer, many readers, in several processes."""

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import TypeVar

import msgspec

from eventjob.projection.read_model import BatchDocument, JobDocument
from eventjob.projection.sqlite import blobs, generations, read, write
from eventjob.projection.sqlite.acls import json_list
from eventjob.projection.sqlite.connections import Connections
from eventjob.projection.sqlite.generations import Generation
from eventjob.projection.sqlite.write import batch_ids
from eventjob.projection.store import (
    BatchQuery,
    Changes,
    JobQuery,
    Page,
    Store,
    StoreMoved,
    StoreUnavailable,
    milliseconds,
)

READER_THREADS = 4
STEP_PAUSE_S = 0.02  # between steps of a removal

Result = TypeVar("Result")

_job = msgspec.json.Decoder(JobDocument).decode
_batch = msgspec.json.Decoder(BatchDocument).decode


class SqliteStore:
    """The `Store` in a file, which is created when absent; its folder must exist.

    The event loop is never blocked: writes have one thread, reads a few.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        generation: int | None = None,
    ) -> None:
        """Use ``generation`` instead of the current one, if given."""
        self._path = path
        self._clock = clock
        self._generation = generation
        self._built_on: set[int] = set()  # generations that the next changes may be based on
        self._connections = Connections(path)
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._readers = ThreadPoolExecutor(READER_THREADS, "store-reader")

    async def checkpoint(self) -> int:
        """See `Store`."""
        return await self._read(lambda generation: generation.checkpoint)

    async def apply(self, changes: Changes) -> None:
        """See `Store`."""
        at = self._clock()

        def check_and_write(generation: Generation) -> None:
            # a rebuild may end at the same checkpoint with other documents
            replaced = self._built_on - {generation.number}
            self._built_on = set() if replaced else {generation.number}
            if replaced:
                raise StoreMoved("the projection was replaced by another generation")
            write.apply(generation, changes, at)

        await self._write(check_and_write)

    async def jobs(self, job_ids: Collection[str]) -> dict[str, JobDocument]:
        """See `Store`."""
        if not job_ids:
            return {}
        documents = await self._read(lambda generation: self._by_id(generation, "jobs", job_ids))
        return {job.job_id: job for job in map(_job, documents)}

    async def batches(self, groups: Collection[str]) -> dict[str, BatchDocument]:
        """See `Store`."""
        if not groups:
            return {}
        ids = batch_ids(groups)
        documents = await self._read(lambda generation: self._by_id(generation, "batches", ids))
        return {batch.group: batch for batch in map(_batch, documents)}

    async def job(self, job_id: str) -> JobDocument | None:
        """See `Store`."""
        return (await self.jobs([job_id])).get(job_id)

    async def batch(self, batch_id: str) -> BatchDocument | None:
        """See `Store`."""
        documents = await self._read(lambda current: self._by_id(current, "batches", [batch_id]))
        return _batch(documents[0]) if documents else None

    async def list_jobs(self, query: JobQuery) -> Page[JobDocument]:
        """See `Store`."""

        def find(generation: Generation) -> Page[JobDocument]:
            page = read.find_page(generation, "jobs", query)
            return Page(page.total, [*map(_job, page.documents)], page.next)

        return await self._read(find)

    async def list_batches(self, query: BatchQuery) -> Page[BatchDocument]:
        """See `Store`."""

        def find(generation: Generation) -> Page[BatchDocument]:
            page = read.find_page(generation, "batches", query)
            return Page(page.total, [*map(_batch, page.documents)], page.next)

        return await self._read(find)

    async def next_jobs(self, position: int, limit: int) -> list[JobDocument]:
        """See `Store`."""
        rows = await self._read(lambda current: _read_after(current, "jobs", position, limit))
        return [*map(_job, rows)]

    async def next_batches(self, position: int, limit: int) -> list[BatchDocument]:
        """See `Store`."""
        rows = await self._read(lambda current: _read_after(current, "batches", position, limit))
        return [*map(_batch, rows)]

    async def create_generation(self) -> "SqliteStore":
        """See `Store`."""
        number = await self._write_file(generations.create_generation)
        await self._remove_leftovers()
        return SqliteStore(self._path, self._clock, number)

    async def adopt(self, other: Store) -> bool:
        """See `Store`."""
        number = other._generation if isinstance(other, SqliteStore) else None  # noqa: SLF001 - ours
        if number is None:
            raise TypeError("only a created generation can be adopted")
        is_adopted = await self._write_file(lambda file: generations.adopt(file, number))
        if is_adopted:
            await self._remove_leftovers()
        return is_adopted

    async def orphans(self, older_than: datetime, limit: int) -> list[str]:
        """See `Store`."""
        before = milliseconds(older_than)
        return await self._read(lambda generation: blobs.orphans(generation, before, limit))

    async def unreferenced(self, shas: Collection[str]) -> set[str]:
        """See `Store`."""
        return await self._read(lambda generation: blobs.unreferenced(generation, shas))

    async def forget_orphans(self, shas: Collection[str]) -> None:
        """See `Store`."""
        await self._write(lambda generation: blobs.forget_orphans(generation, shas))

    async def close(self) -> None:
        """See `Store`."""
        number = self._generation
        if number is not None:
            with suppress(StoreUnavailable):  # then the next rebuild abandons it
                await self._write_file(lambda file: generations.abandon(file, number))
            await self._remove_leftovers()
        await asyncio.to_thread(self._writer.shutdown)
        await asyncio.to_thread(self._readers.shutdown)
        self._connections.close()

    async def _remove_leftovers(self) -> None:
        """Remove old generations in small steps; after a fault the next call goes on."""
        now_ms = milliseconds(self._clock())
        remove_step = partial(generations.remove_step, now_ms=now_ms)
        with suppress(StoreUnavailable):
            is_some_left = True
            while is_some_left:
                is_some_left = await self._write_file(remove_step)
                await asyncio.sleep(STEP_PAUSE_S)  # other writers get the lock meanwhile

    def _by_id(self, generation: Generation, table: str, ids: Collection[str]) -> list[bytes]:
        self._built_on.add(generation.number)
        rows = generation.execute(
            f"SELECT document FROM {table}_@ JOIN {table}_documents_@ USING (position) "  # noqa: S608
            "WHERE id IN (SELECT value FROM json_each(?))",
            (json_list(ids),),
        )
        return [document for (document,) in rows]

    async def _read(self, work: Callable[[Generation], Result]) -> Result:
        return await self._in_transaction(
            self._readers, "DEFERRED", lambda file: work(self._target(file))
        )

    async def _write(self, work: Callable[[Generation], Result]) -> Result:
        return await self._write_file(lambda file: work(self._target(file)))

    async def _write_file(self, work: Callable[[Connection], Result]) -> Result:
        return await self._in_transaction(self._writer, "IMMEDIATE", work)

    def _target(self, file: Connection) -> Generation:
        if self._generation is None:
            return generations.read_current(file)
        return generations.read_generation(file, self._generation)

    async def _in_transaction(
        self, threads: ThreadPoolExecutor, kind: str, work: Callable[[Connection], Result]
    ) -> Result:
        def run() -> Result:
            with self._connections.transaction(kind) as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(threads, run)


def _read_after(generation: Generation, table: str, position: int, limit: int) -> list[bytes]:
    rows = generation.execute(
        f"SELECT document FROM {table}_documents_@ WHERE position > ? "  # noqa: S608
        "ORDER BY position LIMIT ?",
        (position, limit),
    )
    return [document for (document,) in rows]
