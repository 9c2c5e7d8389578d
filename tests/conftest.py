"""What all tests share: servers of their own, and connections that are closed again."""

from collections.abc import AsyncIterator, Iterator

import pytest
from nats_server import NatsServer

from eventjob.bus.connection import Connection, connect


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
