"""The MongoDB client: settings, timeouts, and the meaning of the driver's errors."""

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

SELECT_TIMEOUT_MS = 2000  # until a read fails because no server is reachable
RESPONSE_TIMEOUT_MS = 30_000  # for one request

_LATE = "MongoDB does not answer in time"
_NOT_ALLOWED = {13, 18, 8000}  # Unauthorized, AuthenticationFailed, Atlas' own code

QUERY_SIZE = 200  # MongoDB advises few values in `$in`
WRITE_SIZE = 1000  # documents

T = TypeVar("T")
Fields = dict[str, Any]
Collection = AsyncCollection[Fields]


class Database:
    """One client, which connects on first use.

    A write is acknowledged once it is on the disks of a majority. Reads ask the primary, which has
    all acknowledged writes.
    """

    def __init__(self, url: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an option unknown to the driver must fail
            self._client: AsyncMongoClient[Fields] = AsyncMongoClient(
                url,
                serverSelectionTimeoutMS=SELECT_TIMEOUT_MS,
                socketTimeoutMS=RESPONSE_TIMEOUT_MS,
                appname="eventjob",
            )
        self._database: AsyncDatabase[Fields] = self._client.get_default_database(
            read_preference=ReadPreference.PRIMARY,
            # may show writes that a majority lacks, but nothing that the event log lacks
            read_concern=ReadConcern("local"),
            write_concern=WriteConcern("majority", j=True),
        )

    @asynccontextmanager
    async def requests(self, within_s: float | None = None) -> AsyncIterator[None]:
        """Limit all requests made inside to ``within_s`` seconds in total.

        Raises:
            StoreUnavailable: the database does not answer in time, or refuses.
        """
        try:
            # PyMongo's own timeout would also replace SELECT_TIMEOUT_MS
            async with asyncio.timeout(within_s):
                yield
        except TimeoutError as error:
            raise StoreUnavailable(_LATE) from error
        except PyMongoError as error:
            raise _translate(error) from error

    def __getitem__(self, name: str) -> Collection:
        return self._database[name]

    async def names(self) -> list[str]:
        """Return the names of all collections, also of other programs."""
        return await self._database.list_collection_names()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()


def split(values: Iterable[T], size: int = QUERY_SIZE) -> Iterator[list[T]]:
    """Split the values into lists of at most ``size``."""
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _translate(error: PyMongoError) -> StoreUnavailable:
    """Translate a driver error, leaving out its text: that names hosts, users and files."""
    match error:
        case ConfigurationError() if error.__cause__ is None:
            return StoreRefused("the MongoDB server's version or address is unusable")
        case ConfigurationError():
            return StoreUnavailable("the MongoDB server's name cannot be resolved")
        case OperationFailure(code=code) if code in _NOT_ALLOWED:
            return StoreRefused("MongoDB's user or password is wrong, or lacks a permission")
        case ServerSelectionTimeoutError():
            return StoreUnavailable("no MongoDB server answers")
        case PyMongoError(timeout=True):
            return StoreUnavailable(_LATE)
        case ConnectionFailure():
            return StoreUnavailable("the connection to MongoDB is lost")
        case BulkWriteError(details=details):
            errors = [*details["writeErrors"], *details["writeConcernErrors"]]
            return StoreUnavailable(f"MongoDB refuses to write, code {errors[0].get('code')}")
        case OperationFailure(code=code):
            return StoreUnavailable(f"MongoDB refuses, code {code}")
        case _:
            return StoreUnavailable(f"the MongoDB driver failed: {type(error).__name__}")
