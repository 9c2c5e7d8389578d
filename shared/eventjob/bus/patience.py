"""Opening what servers that have just started cannot answer for before they elect a leader."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import nats.errors
from nats.js.errors import ServiceUnavailableError

from eventjob.bus.errors import Unavailable
from eventjob.bus.wire.connection import Connection
from eventjob.runtime.logs import Logger

PAUSE_S = 0.5

T = TypeVar("T")


async def opened(
    opening: Callable[[Connection], Awaitable[T]],
    connection: Connection,
    stop: asyncio.Event,
    log: Logger,
) -> T:
    """What ``opening`` opens, as soon as somebody answers for it.

    Raises:
        Unavailable: it is missing, or ``stop`` came first.
    """
    while True:
        try:
            return await opening(connection)
        except Unavailable as reason:
            if stop.is_set() or not isinstance(reason.__cause__, _NOBODY):
                raise
            log.warning("bus.waits", reason=str(reason))
            await asyncio.sleep(PAUSE_S)


_NOBODY = (TimeoutError, ServiceUnavailableError, nats.errors.NoRespondersError)
