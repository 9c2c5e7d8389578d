"""Which generation of collections is the projection, and how far it is: one document says it all.

A rebuild fills a generation beside the current one. Adopting it is one update of that document,
and so is each step of a checkpoint: whoever writes on what is no longer there is told so.
"""

import re
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

from pymongo.errors import DuplicateKeyError

from eventjob.projection.mongo.database import Database, Fields
from eventjob.projection.mongo.schema import SCHEMA_VERSION, make_indexes, tables
from eventjob.projection.mongo.write import take_over
from eventjob.projection.store import StoreMoved, StoreRefused

_THE_ONE = {"_id": "projection"}
_REPLACED = "another rebuild has taken this one's place"
_COLLECTION = re.compile(r"(?:jobs|batches|gone)_([0-9a-f]{32})")


class GenerationPosition(NamedTuple):
    """A generation, and the last sequence that its documents reflect."""

    generation: str
    checkpoint: int


class Generations:
    """The current generation; or the one ``beside`` it, which one rebuild may have at a time."""

    def __init__(self, database: Database, beside: str | None = None) -> None:
        self._database = database
        self._progress = database["progress"]
        self._indexed: set[str] = set()
        self.beside = beside

    async def place(self) -> GenerationPosition:
        """Where readers and writers are now.

        Raises:
            StoreMoved: the generation beside the current one is gone.
            StoreRefused: a newer version wrote the database, or some other program.
        """
        found = await self._find()
        if self.beside is None:
            place = GenerationPosition(found["generation"], found["checkpoint"])
        elif found.get("beside", {}).get("generation") == self.beside:
            place = GenerationPosition(self.beside, found["beside"]["checkpoint"])
        else:
            raise StoreMoved(_REPLACED)
        if place.generation not in self._indexed:
            await make_indexes(tables(self._database, place.generation))
            self._indexed.add(place.generation)
        return place

    async def advance(self, place: GenerationPosition, checkpoint: int) -> bool:
        """Whether the documents at ``place`` are this far now; not where that is left already."""
        prefix = "" if self.beside is None else "beside."
        still = {f"{prefix}generation": place.generation, f"{prefix}checkpoint": place.checkpoint}
        updated = await self._progress.update_one(
            _THE_ONE | still, {"$max": {f"{prefix}checkpoint": checkpoint}}
        )
        return updated.matched_count == 1

    async def open_beside(self) -> str:
        """A new generation; one that was there for another rebuild is gone."""
        await self._find()
        name = uuid4().hex
        await self._progress.update_one(
            _THE_ONE, {"$set": {"beside": {"generation": name, "checkpoint": 0}}}
        )
        return name

    async def adopt(self, generation: str) -> bool:
        """Whether this one beside the current one is the current one now; not if it is behind.

        Raises:
            StoreMoved: it is gone.
        """
        found = await self._find()
        if found["generation"] == generation:
            return True  # and the answer to an earlier try was lost
        beside = found.get("beside", {"generation": None})
        if beside["generation"] != generation:
            raise StoreMoved(_REPLACED)
        still = {"beside": beside, "checkpoint": {"$lte": beside["checkpoint"]}}
        now = beside | {"replaced": found["generation"]}
        updated = await self._progress.update_one(
            _THE_ONE | still, {"$set": now, "$unset": {"beside": ""}}
        )
        return updated.matched_count == 1

    async def close_beside(self) -> None:
        """Give up the generation beside the current one."""
        await self._progress.update_one(
            _THE_ONE | {"beside.generation": self.beside}, {"$unset": {"beside": ""}}
        )

    async def remove_leftovers(self, at: datetime) -> None:
        """Drop every generation that is neither current nor being built."""
        names = await self._database.names()  # first: what is new after this is not among them
        found = await self._find()
        if replaced := found.get("replaced"):
            to = tables(self._database, found["generation"])
            await take_over(tables(self._database, replaced), to, at)
            await self._progress.update_one(
                _THE_ONE | {"replaced": replaced}, {"$unset": {"replaced": ""}}
            )
        kept = {found["generation"], found.get("beside", {}).get("generation")}
        for name in names:
            ours = _COLLECTION.fullmatch(name)
            if ours and ours[1] not in kept:
                await self._database[name].drop()

    async def _find(self) -> Fields:
        while True:
            found = await self._progress.find_one(_THE_ONE)
            schema = SCHEMA_VERSION - 1 if found is None else found.get("schema")
            if not isinstance(schema, int):
                raise StoreRefused("the database is some other program's")
            if schema > SCHEMA_VERSION:
                raise StoreRefused(
                    "a newer version wrote the database "
                    f"(schema {schema}, this is {SCHEMA_VERSION})"
                )
            if found is not None and schema == SCHEMA_VERSION:
                return found
            await self._begin()

    async def _begin(self) -> None:
        """An empty projection, where there is none or an older version's."""
        with suppress(DuplicateKeyError):  # it is there: somebody else was faster
            await self._progress.replace_one(
                _THE_ONE | {"schema": {"$lt": SCHEMA_VERSION}},
                {"schema": SCHEMA_VERSION, "generation": uuid4().hex, "checkpoint": 0},
                upsert=True,
            )
