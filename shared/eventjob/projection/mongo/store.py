"""The projection in MongoDB: one writer, and readers in any number of processes."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal, TypeVar

import msgspec
from pymongo.errors import OperationFailure

from eventjob.projection.mongo import read, write
from eventjob.projection.mongo.database import Database
from eventjob.projection.mongo.generations import Generations
from eventjob.projection.mongo.schema import Collections, collections_of
from eventjob.projection.read_model import BatchDocument, JobDocument
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

READ_TIMEOUT_S = 5.0

Result = TypeVar("Result")

_job = msgspec.json.Decoder(JobDocument).decode
_batch = msgspec.json.Decoder(BatchDocument).decode


class MongoStore:
    """The `Store` in the database that ``url`` names; connects on first use."""

    def __init__(
        self,
        url: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        beside: str | None = None,
    ) -> None:
        self._url = url
        self._clock = clock
        self._database = Database(url)
        self.progress = Generations(self._database, beside)
        self._generation: str | None = None  # the generation of the last read
        self._built_on: set[str | None] = set()  # generations that the next changes may be based on

    async def checkpoint(self) -> int:
        """See `Store`."""
        async with self._database.requests(READ_TIMEOUT_S):
            return (await self.progress.locate()).checkpoint

    async def apply(self, changes: Changes) -> None:
        """See `Store`."""
        async with self._database.requests():
            # emptied first: after any fault the caller reads its documents again
            built_on, self._built_on = self._built_on, set()
            position = await self.progress.locate()
            if position.checkpoint != changes.after or built_on - {position.generation}:
                raise StoreMoved(
                    f"the projection is at {position.checkpoint} and not at {changes.after}, "
                    "or was replaced by another"
                )
            # a new or rebuilt projection: remove what a crash left behind
            if position.checkpoint == 0:
                await self.progress.remove_leftovers(self._clock())
            to = collections_of(self._database, position.generation)
            await write.apply(to, changes, self._clock())
            if self.progress.beside is None:  # the current generation still needs the candidates
                await write.clear_orphans(to, changes)
            if not await self.progress.advance(position, changes.checkpoint):
                # the guard cannot see what the other writer deleted meanwhile
                await write.delete_again(to, changes)
                await self.progress.remove_leftovers(self._clock())
                raise StoreMoved(f"the projection is no longer at {changes.after}")
            self._built_on = {position.generation}

    async def jobs(self, job_ids: Collection[str]) -> dict[str, JobDocument]:
        """See `Store`."""
        documents = await self._find_by("jobs", "_id", job_ids)
        return {job.job_id: job for job in map(_job, documents)}

    async def batches(self, groups: Collection[str]) -> dict[str, BatchDocument]:
        """See `Store`."""
        documents = await self._find_by("batches", "group", groups)
        return {batch.group: batch for batch in map(_batch, documents)}

    async def job(self, job_id: str) -> JobDocument | None:
        """See `Store`."""
        documents = await self._find_by("jobs", "_id", [job_id], READ_TIMEOUT_S)
        return _job(documents[0]) if documents else None

    async def batch(self, batch_id: str) -> BatchDocument | None:
        """See `Store`."""
        documents = await self._find_by("batches", "_id", [batch_id], READ_TIMEOUT_S)
        return _batch(documents[0]) if documents else None

    async def list_jobs(self, query: JobQuery) -> Page[JobDocument]:
        """See `Store`."""
        return await self._read(lambda tables: read.find_page(tables.jobs, query, _job))

    async def list_batches(self, query: BatchQuery) -> Page[BatchDocument]:
        """See `Store`."""
        return await self._read(lambda tables: read.find_page(tables.batches, query, _batch))

    async def next_jobs(self, position: int, limit: int) -> list[JobDocument]:
        """See `Store`."""
        documents = await self._read(lambda tables: read.find_next(tables.jobs, position, limit))
        return [_job(document) for document in documents]

    async def next_batches(self, position: int, limit: int) -> list[BatchDocument]:
        """See `Store`."""
        documents = await self._read(lambda tables: read.find_next(tables.batches, position, limit))
        return [_batch(document) for document in documents]

    async def create_generation(self) -> "MongoStore":
        """See `Store`."""
        async with self._database.requests():
            generation = await self.progress.create_beside()
            await self.progress.remove_leftovers(self._clock())
        return MongoStore(self._url, self._clock, generation)

    async def adopt(self, other: Store) -> bool:
        """See `Store`."""
        if not isinstance(other, MongoStore) or other.progress.beside is None:
            raise TypeError("only a created generation can be adopted")
        async with self._database.requests():
            if not await self.progress.adopt(other.progress.beside):
                return False
            other.progress.beside = None
            await self.progress.remove_leftovers(self._clock())
            return True

    async def orphans(self, older_than: datetime, limit: int) -> list[str]:
        """See `Store`."""
        before = milliseconds(older_than)
        return await self._read(lambda tables: write.orphans(tables, before, limit))

    async def unreferenced(self, shas: Collection[str]) -> set[str]:
        """See `Store`."""
        return set(shas) - await self._read(lambda tables: write.referenced(tables, shas))

    async def forget_orphans(self, shas: Collection[str]) -> None:
        """See `Store`."""
        async with self._database.requests():
            position = await self.progress.locate()
            await write.forget_orphans(collections_of(self._database, position.generation), shas)

    async def close(self) -> None:
        """See `Store`."""
        if self.progress.beside is not None:
            # the next rebuild removes what is left now
            with suppress(StoreUnavailable):
                async with self._database.requests():
                    await self.progress.abandon_beside()
                    await self.progress.remove_leftovers(self._clock())
        await self._database.close()

    async def _find_by(
        self,
        table: Literal["jobs", "batches"],
        field: str,
        values: Collection[str],
        within_s: float | None = None,
    ) -> list[str]:
        if not values:
            return []
        documents = await self._read(
            lambda tables: read.find_documents(getattr(tables, table), field, values), within_s
        )
        self._built_on.add(self._generation)
        return documents

    async def _read(
        self,
        find: Callable[[Collections], Awaitable[Result]],
        within_s: float | None = READ_TIMEOUT_S,
    ) -> Result:
        """Return what ``find`` returns in a generation that is still current afterwards.

        So a read of any length never returns documents that were dropped meanwhile.
        """
        async with self._database.requests(within_s):
            generation = self._generation or (await self.progress.locate()).generation
            while True:
                failure = None
                try:
                    result = await find(collections_of(self._database, generation))
                except OperationFailure as error:
                    failure = error
                tried, generation = generation, (await self.progress.locate()).generation
                self._generation = generation
                if tried == generation:
                    if failure is not None:
                        raise failure
                    return result
