"""The projection in MongoDB: one writer, and readers in as many processes as there are."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal, TypeVar

import msgspec
from pymongo.errors import OperationFailure

from eventjob.projection.mongo import read as store_mongo_read
from eventjob.projection.mongo import write
from eventjob.projection.mongo.database import Database
from eventjob.projection.mongo.generations import Generations
from eventjob.projection.mongo.schema import Tables, tables
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

READ_WITHIN_S = 5.0

Result = TypeVar("Result")

_job = msgspec.json.Decoder(JobDocument).decode
_batch = msgspec.json.Decoder(BatchDocument).decode


class MongoStore:
    """The `Store` in the database that ``url`` names. It connects when it is first used."""

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
        self._generation: str | None = None  # where the last read was
        self._built_on: set[str | None] = set()  # whose documents the next changes may hold

    async def checkpoint(self) -> int:
        """See `Store`."""
        async with self._database.requests(READ_WITHIN_S):
            return (await self.progress.place()).checkpoint

    async def apply(self, changes: Changes) -> None:
        """See `Store`."""
        async with self._database.requests():
            built_on, self._built_on = self._built_on, set()
            place = await self.progress.place()
            if place.checkpoint != changes.after or built_on - {place.generation}:
                raise StoreMoved(
                    f"the projection is at {place.checkpoint} and not at {changes.after}, "
                    "or was replaced by another"
                )
            if place.checkpoint == 0:
                await self.progress.remove_leftovers(self._clock())
            to = tables(self._database, place.generation)
            await write.apply(to, changes, self._clock())
            if self.progress.beside is None:  # or what is current would lose them
                await write.clear_orphans(to, changes)
            if not await self.progress.advance(place, changes.checkpoint):
                await write.delete_again(to, changes)
                await self.progress.remove_leftovers(self._clock())
                raise StoreMoved(f"the projection is no longer at {changes.after}")
            self._built_on = {place.generation}

    async def jobs(self, job_ids: Collection[str]) -> dict[str, JobDocument]:
        """See `Store`."""
        found = await self._by("jobs", "_id", job_ids)
        return {job.job_id: job for job in map(_job, found)}

    async def batches(self, groups: Collection[str]) -> dict[str, BatchDocument]:
        """See `Store`."""
        found = await self._by("batches", "group", groups)
        return {batch.group: batch for batch in map(_batch, found)}

    async def job(self, job_id: str) -> JobDocument | None:
        """See `Store`."""
        found = await self._by("jobs", "_id", [job_id], READ_WITHIN_S)
        return _job(found[0]) if found else None

    async def batch(self, batch_id: str) -> BatchDocument | None:
        """See `Store`."""
        found = await self._by("batches", "_id", [batch_id], READ_WITHIN_S)
        return _batch(found[0]) if found else None

    async def list_jobs(self, query: JobQuery) -> Page[JobDocument]:
        """See `Store`."""
        return await self._read(lambda of: store_mongo_read.page(of.jobs, query, _job))

    async def list_batches(self, query: BatchQuery) -> Page[BatchDocument]:
        """See `Store`."""
        return await self._read(lambda of: store_mongo_read.page(of.batches, query, _batch))

    async def next_jobs(self, position: int, limit: int) -> list[JobDocument]:
        """See `Store`."""
        found = await self._read(lambda of: store_mongo_read.following(of.jobs, position, limit))
        return [_job(document) for document in found]

    async def next_batches(self, position: int, limit: int) -> list[BatchDocument]:
        """See `Store`."""
        found = await self._read(lambda of: store_mongo_read.following(of.batches, position, limit))
        return [_batch(document) for document in found]

    async def beside(self) -> "MongoStore":
        """See `Store`."""
        async with self._database.requests():
            generation = await self.progress.open_beside()
            await self.progress.remove_leftovers(self._clock())
        return MongoStore(self._url, self._clock, generation)

    async def adopt(self, other: Store) -> bool:
        """See `Store`."""
        if not isinstance(other, MongoStore) or other.progress.beside is None:
            raise TypeError("only what beside gave can be adopted")
        async with self._database.requests():
            if not await self.progress.adopt(other.progress.beside):
                return False
            other.progress.beside = None
            await self.progress.remove_leftovers(self._clock())
            return True

    async def orphans(self, older_than: datetime, limit: int) -> list[str]:
        """See `Store`."""
        before = milliseconds(older_than)
        return await self._read(lambda of: write.orphans(of, before, limit))

    async def unreferenced(self, shas: Collection[str]) -> set[str]:
        """See `Store`."""
        return set(shas) - await self._read(lambda of: write.referenced(of, shas))

    async def forget_orphans(self, shas: Collection[str]) -> None:
        """See `Store`."""
        async with self._database.requests():
            place = await self.progress.place()
            await write.forget_orphans(tables(self._database, place.generation), shas)

    async def close(self) -> None:
        """See `Store`."""
        if self.progress.beside is not None:
            # what cannot be removed now, the next rebuild removes
            with suppress(StoreUnavailable):
                async with self._database.requests():
                    await self.progress.close_beside()
                    await self.progress.remove_leftovers(self._clock())
        await self._database.close()

    async def _by(
        self,
        table: Literal["jobs", "batches"],
        field: str,
        values: Collection[str],
        within_s: float | None = None,
    ) -> list[str]:
        if not values:
            return []
        found = await self._read(
            lambda of: store_mongo_read.documents(getattr(of, table), field, values), within_s
        )
        self._built_on.add(self._generation)
        return found

    async def _read(
        self,
        find: Callable[[Tables], Awaitable[Result]],
        within_s: float | None = READ_WITHIN_S,
    ) -> Result:
        """What is found in a generation that is still the current one afterwards.

        So nothing that was dropped meanwhile is taken for an answer, however long a read takes.
        """
        async with self._database.requests(within_s):
            generation = self._generation or (await self.progress.place()).generation
            while True:
                trouble = None
                try:
                    found = await find(tables(self._database, generation))
                except OperationFailure as error:
                    trouble = error
                read, generation = generation, (await self.progress.place()).generation
                self._generation = generation
                if read == generation:
                    if trouble is not None:
                        raise trouble
                    return found
