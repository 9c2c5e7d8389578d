"""A MongoDB database as a setting names it, and what the driver's errors mean."""

import asyncio
import warnings
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any, TypeVar

from pymongo import AsyncMongoClient, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference

from eventjob.projection.store import StoreRefused, StoreUnavailable

SELECT_WITHIN_MS = 2000  # a server, before a read answers that there is none
ANSWER_WITHIN_MS = 30_000  # to one request

_LATE = "MongoDB does not answer in time"
_NOT_ALLOWED = {13, 18, 8000}  # Unauthorized, AuthenticationFailed, and Atlas' own

LOOKED_FOR = 200  # values in one request: MongoDB advises few, and stand-ins need it
WRITTEN = 1000  # documents in one request

T = TypeVar("T")
Fields = dict[str, Any]
Collection = AsyncCollection[Fields]


class Database:
    """One client, which connects when it is first used.

    What is acknowledged is on the disks of a majority. Reads ask the primary, which has all that
    was acknowledged to any process. What it has beyond that follows from the event log as well, so
    a reader may see it: were it rolled back, the projector would write it again.
    """

    def __init__(self, url: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an option that the driver does not know
            self._client: AsyncMongoClient[Fields] = AsyncMongoClient(
                url,
                serverSelectionTimeoutMS=SELECT_WITHIN_MS,
                socketTimeoutMS=ANSWER_WITHIN_MS,
                appname="eventjob",
            )
        self._database: AsyncDatabase[Fields] = self._client.get_default_database(
            read_preference=ReadPreference.PRIMARY,
            read_concern=ReadConcern("local"),
            write_concern=WriteConcern("majority", j=True),
        )

    @asynccontextmanager
    async def requests(self, within_s: float | None = None) -> AsyncIterator[None]:
        """What is asked for inside takes no longer than this in all.

        (PyMongo's own timeout would wait for a server as long as that, not ``SELECT_WITHIN_MS``.)

        Raises:
            StoreUnavailable: the database does not answer in time, or refuses.
        """
        try:
            async with asyncio.timeout(within_s):
                yield
        except TimeoutError as error:
            raise StoreUnavailable(_LATE) from error
        except PyMongoError as error:
            raise _trouble(error) from error

    def __getitem__(self, name: str) -> Collection:
        return self._database[name]

    async def names(self) -> list[str]:
        """All collections, also those of others."""
        return await self._database.list_collection_names()

    async def close(self) -> None:
        """Let go of all connections."""
        await self._client.close()


def portions(values: Iterable[T], size: int = LOOKED_FOR) -> Iterator[list[T]]:
    """The values in lists that are no longer than this."""
    rest = iter(values)
    while portion := list(islice(rest, size)):
        yield portion


def _trouble(error: PyMongoError) -> StoreUnavailable:
    """For people, without the driver's own words: these name hosts, users and files."""
    match error:
        case ConfigurationError() if error.__cause__ is None:
            return StoreRefused("the MongoDB server's version, or its address, is of no use")
        case ConfigurationError():
            return StoreUnavailable("the MongoDB server's name is not known")
        case OperationFailure(code=code) if code in _NOT_ALLOWED:
            return StoreRefused("MongoDB's user or password is wrong, or is not allowed to do this")
        case ServerSelectionTimeoutError():
            return StoreUnavailable("no MongoDB server answers")
        case PyMongoError(timeout=True):
            return StoreUnavailable(_LATE)
        case ConnectionFailure():
            return StoreUnavailable("the connection to MongoDB is lost")
        case BulkWriteError(details=details):
            troubles = [*details["writeErrors"], *details["writeConcernErrors"]]
            return StoreUnavailable(f"MongoDB refuses to write, code {troubles[0].get('code')}")
        case OperationFailure(code=code):
            return StoreUnavailable(f"MongoDB refuses, code {code}")
        case _:
            return StoreUnavailable(f"MongoDB's driver gives up: {type(error).__name__}")
