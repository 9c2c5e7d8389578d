"""Create a stream if it is missing and this user may; otherwise say how to create it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import nats.errors
from nats.js.api import StreamConfig
from nats.js.errors import BadRequestError, NotFoundError, ServiceUnavailableError

from eventjob.bus.errors import Unavailable
from eventjob.bus.streams.permissions import may_create
from eventjob.bus.wire.connection import Connection
from eventjob.runtime.logs import Logger

RUN_PROVISION = "run `eventjob provision`"
_STREAM_EXISTS = 10058  # with other settings; with the same ones there is no error
RETRY_PAUSE_S = 0.5
_NO_SERVER = (TimeoutError, ServiceUnavailableError, nats.errors.NoRespondersError)
T = TypeVar("T")


def with_replicas(config: StreamConfig, replicas: int) -> StreamConfig:
    """Return ``config`` for so many servers; only a single one can write asynchronously."""
    if replicas == 1:
        return replace(config, num_replicas=1)
    return replace(config, num_replicas=replicas, persist_mode=None)


async def ensure_stream(connection: Connection, config: StreamConfig) -> None:
    """Create a stream if it is missing; an existing one keeps its settings.

    Raises:
        Unavailable: it is missing, and this user may not create it.
        nats.errors.Error: the server refuses, or does not answer.
    """
    name = config.name or ""
    if may_create(connection.user, name):
        try:
            await connection.brief.add_stream(with_replicas(config, connection.replicas))
        except BadRequestError as error:
            if error.err_code != _STREAM_EXISTS:
                raise
        return
    try:
        await connection.brief.stream_info(name)
    except NotFoundError as error:
        raise Unavailable(f"{name} is missing: {RUN_PROVISION}") from error


async def open_with_retry(
    opening: Callable[[Connection], Awaitable[T]],
    connection: Connection,
    stop: asyncio.Event,
    log: Logger,
) -> T:
    """Call ``opening`` until the server answers; return its result.

    Raises:
        Unavailable: something is missing on the bus, or ``stop`` was set first.
    """
    while True:
        try:
            return await opening(connection)
        except Unavailable as reason:
            if stop.is_set() or not isinstance(reason.__cause__, _NO_SERVER):
                raise
            log.warning("bus.waits", reason=str(reason))
            await asyncio.sleep(RETRY_PAUSE_S)
