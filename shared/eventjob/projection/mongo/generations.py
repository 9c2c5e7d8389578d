"""The generations of collections in MongoDB: one progress document names the current one.

A rebuild fills a generation beside it. Adoption and each checkpoint are single updates of that
document, so a writer on a replaced generation is told.
"""

import re
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

from pymongo.errors import DuplicateKeyError

from eventjob.projection.mongo.database import Database, Fields
from eventjob.projection.mongo.schema import SCHEMA_VERSION, collections_of, make_indexes
from eventjob.projection.mongo.write import hand_over_orphans
from eventjob.projection.store import StoreMoved, StoreRefused

_PROGRESS_ID = {"_id": "projection"}
_REPLACED = "another rebuild has replaced this one"
_COLLECTION = re.compile(r"(?:jobs|batches|gone)_([0-9a-f]{32})")


class GenerationPosition(NamedTuple):
    """A generation, and the last sequence that its documents reflect."""

    generation: str
    checkpoint: int


class Generations:
    """The current generation, or the one ``beside`` it that a rebuild fills."""

    def __init__(self, database: Database, beside: str | None = None) -> None:
        self._database = database
        self._progress = database["progress"]
        self._indexed: set[str] = set()
        self.beside = beside

    async def locate(self) -> GenerationPosition:
        """Return the generation to read and write, and its checkpoint.

        Raises:
            StoreMoved: the generation beside the current one is gone.
            StoreRefused: a newer version or another program wrote the database.
        """
        progress = await self._read_progress()
        if self.beside is None:
            position = GenerationPosition(progress["generation"], progress["checkpoint"])
        elif progress.get("beside", {}).get("generation") == self.beside:
            position = GenerationPosition(self.beside, progress["beside"]["checkpoint"])
        else:
            raise StoreMoved(_REPLACED)
        if position.generation not in self._indexed:
            # by readers too: a reader may be the first to see a new database
            await make_indexes(collections_of(self._database, position.generation))
            self._indexed.add(position.generation)
        return position

    async def advance(self, position: GenerationPosition, checkpoint: int) -> bool:
        """Move the checkpoint forward; False if another writer or generation came first."""
        prefix = "" if self.beside is None else "beside."
        guard = {f"{prefix}{field}": value for field, value in position._asdict().items()}
        updated = await self._progress.update_one(
            _PROGRESS_ID | guard, {"$max": {f"{prefix}checkpoint": checkpoint}}
        )
        return updated.matched_count == 1

    async def create_beside(self) -> str:
        """Create a generation for a rebuild; it replaces that of an earlier rebuild."""
        await self._read_progress()
        name = uuid4().hex
        await self._progress.update_one(
            _PROGRESS_ID, {"$set": {"beside": {"generation": name, "checkpoint": 0}}}
        )
        return name

    async def adopt(self, generation: str) -> bool:
        """Make a generation the current one; False if it lags, `StoreMoved` if it is gone."""
        progress = await self._read_progress()
        if progress["generation"] == generation:
            return True  # the response to an earlier try was lost
        beside = progress.get("beside", {"generation": None})
        if beside["generation"] != generation:
            raise StoreMoved(_REPLACED)
        guard = {"beside": beside, "checkpoint": {"$lte": beside["checkpoint"]}}
        switched = beside | {"replaced": progress["generation"]}
        updated = await self._progress.update_one(
            _PROGRESS_ID | guard, {"$set": switched, "$unset": {"beside": ""}}
        )
        return updated.matched_count == 1

    async def abandon_beside(self) -> None:
        """Abandon the generation beside the current one."""
        await self._progress.update_one(
            _PROGRESS_ID | {"beside.generation": self.beside}, {"$unset": {"beside": ""}}
        )

    async def remove_leftovers(self, at: datetime) -> None:
        """Drop every generation that is neither current nor being built."""
        names = await self._database.names()  # first: newer generations must not be in it
        progress = await self._read_progress()
        if replaced := progress.get("replaced"):
            to = collections_of(self._database, progress["generation"])
            # the old generation alone knows the blobs of jobs that were deleted
            await hand_over_orphans(collections_of(self._database, replaced), to, at)
            await self._progress.update_one(
                _PROGRESS_ID | {"replaced": replaced}, {"$unset": {"replaced": ""}}
            )
        in_use = {progress["generation"], progress.get("beside", {}).get("generation")}
        for name in names:
            match = _COLLECTION.fullmatch(name)
            if match and match[1] not in in_use:
                await self._database[name].drop()

    async def _read_progress(self) -> Fields:
        while True:
            progress = await self._progress.find_one(_PROGRESS_ID)
            schema = SCHEMA_VERSION - 1 if progress is None else progress.get("schema")
            if not isinstance(schema, int):
                raise StoreRefused("the database belongs to another program")
            if schema > SCHEMA_VERSION:
                raise StoreRefused(
                    "a newer version wrote the database "
                    f"(schema {schema}, this is {SCHEMA_VERSION})"
                )
            if progress is not None and schema == SCHEMA_VERSION:
                return progress
            await self._reset()

    async def _reset(self) -> None:
        """Create an empty projection if there is none or an older version's."""
        with suppress(DuplicateKeyError):  # another process was faster
            # the guard on the schema lets only one of several processes reset it
            await self._progress.replace_one(
                _PROGRESS_ID | {"schema": {"$lt": SCHEMA_VERSION}},
                {"schema": SCHEMA_VERSION, "generation": uuid4().hex, "checkpoint": 0},
                upsert=True,
            )
