"""What tests share: servers, logs and stores of their own, and connections that are closed."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nats_server import NatsServer
from stores import STORES, opened

from eventjob.bus.log.log import EventLog
from eventjob.bus.streams import topology
from eventjob.bus.wire.connection import Connection, connect
from eventjob.projection.store import Store


@pytest.fixture
def nats_server() -> Iterator[NatsServer]:
    server = NatsServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
async def connection(nats_server: NatsServer) -> AsyncIterator[Connection]:
    connection = await connect(nats_server.url, name="tests")
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def log(connection: Connection) -> EventLog:
    await topology.ensure_streams(connection)
    return EventLog(connection)


@pytest.fixture(params=STORES)
def kind(request: pytest.FixtureRequest) -> str:
    """Of the store: a test that asks for one runs on each."""
    return request.param


@pytest.fixture
async def store(kind: str, tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(kind, tmp_path) as store:
        yield store


class Clock:
    """The real time, moved forward by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()
