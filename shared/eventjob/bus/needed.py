"""Which blobs messages may still need, and whether a queue was worked off meanwhile."""

import re
from collections.abc import Mapping
from contextlib import aclosing

import nats.errors
from nats.js.api import StreamState
from nats.js.errors import APIError, NotFoundError

from eventjob.bus.errors import Unavailable
from eventjob.bus.log.raw import read
from eventjob.bus.wire.connection import Connection

_SHA256 = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


async def shas_in(connection: Connection, stream: str) -> set[str]:
    """Whatever looks like the sha256 of a blob in the messages of a stream: rather too much.

    Raises:
        Unavailable: the server does not answer.
    """
    if not (await _state(connection, stream)).messages:
        return set()
    found: set[bytes] = set()
    async with aclosing(read(connection, stream, 0)) as stretches:
        async for stretch in stretches:
            found.update(sha256 for message in stretch for sha256 in _SHA256.findall(message.data))
    return {sha256.decode() for sha256 in found}


async def ends(connection: Connection, *streams: str) -> dict[str, int]:
    """The newest sequence of each stream; 0 where there is none. Raises as `shas_in`."""
    return {stream: (await _state(connection, stream)).last_seq for stream in streams}


async def is_left(connection: Connection, until: Mapping[str, int]) -> bool:
    """Whether a work queue still has something up to its sequence here. Raises as `shas_in`."""
    states = {stream: await _state(connection, stream) for stream in until}
    return any(s.messages and s.first_seq <= until[stream] for stream, s in states.items())


async def _state(connection: Connection, stream: str) -> StreamState:
    try:
        return (await connection.jetstream.stream_info(stream)).state
    except NotFoundError:
        return StreamState(messages=0, bytes=0, first_seq=0, last_seq=0, consumer_count=0)
    except (APIError, TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"{stream} does not answer: {error!r}") from error
