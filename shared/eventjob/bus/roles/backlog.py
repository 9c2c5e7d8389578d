"""Find what a new scheduler inherits: pending messages, and tasks that are out."""

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing

import nats.errors
from nats.js.api import StreamState
from nats.js.errors import APIError, NotFoundError

from eventjob.bus import subjects
from eventjob.bus.errors import Unavailable
from eventjob.bus.log.raw import read_messages
from eventjob.bus.roles import provisioning
from eventjob.bus.subjects import TaskAddress
from eventjob.bus.wire.connection import Connection
from eventjob.bus.wire.pull import Source

SCHEDULER_STREAMS = (subjects.CMD, subjects.REPORTS)
_SHA256 = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def scheduler_sources(tokens: Collection[str]) -> list[Source]:
    """Return the scheduler's consumers of these partitions."""
    return [
        Source(stream, subjects.scheduler_durable(token))
        for token in sorted(tokens)
        for stream in SCHEDULER_STREAMS
    ]


async def prepare_partitions(
    connection: Connection, tokens: Collection[str] = subjects.ALL_PARTITIONS
) -> None:
    """Create streams and consumers, and have unacknowledged messages redelivered at once.

    Args:
        connection: to the bus.
        tokens: the partitions that this scheduler takes over.

    Raises:
        Unavailable: the server does not answer, or refuses.
    """
    try:
        await provisioning.ensure_for_scheduler(connection)
        await asyncio.gather(
            *(
                # Brings a dead scheduler's messages in 0.1 s instead of after ack_wait.
                connection.brief.reset_consumer(source.stream, source.durable)
                for source in scheduler_sources(tokens)
            )
        )
    except (APIError, TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"cannot create the streams: {error!r}") from error


async def read_ends(connection: Connection) -> dict[str, int]:
    """Return the newest sequence of commands and of reports: where the backlog ends."""
    try:
        return {
            stream: (await connection.brief.stream_info(stream)).state.last_seq
            for stream in SCHEDULER_STREAMS
        }
    except (APIError, TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"commands or reports do not answer: {error!r}") from error


async def find_unfinished(
    connection: Connection, among: Sequence[Source], backlog: Mapping[str, int]
) -> list[Source]:
    """Return the consumers that still have messages from before the noted ends."""

    async def is_done(source: Source) -> bool:
        info = await connection.brief.consumer_info(source.stream, source.durable)
        left = (info.num_pending or 0) + (info.num_ack_pending or 0)
        floor = 0 if info.ack_floor is None else info.ack_floor.stream_seq
        return left == 0 or floor >= backlog[source.stream]

    try:
        done = await asyncio.gather(*(is_done(source) for source in among))
    except (APIError, TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"cannot read the backlog: {error!r}") from error
    return [source for source, is_over in zip(among, done, strict=True) if not is_over]


async def list_tasks_out(
    connection: Connection, tokens: Collection[str] = subjects.ALL_PARTITIONS
) -> set[TaskAddress]:
    """Return the tasks of these partitions that workers have, or will get.

    Raises:
        Unavailable: the server does not answer.
    """
    try:
        info = await connection.brief.stream_info(subjects.TASKS, subjects_filter="task.>")
    except (APIError, TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"cannot list the tasks: {error!r}") from error
    found = (subjects.parse_task_subject(subject) for subject in info.state.subjects or {})
    return {task for task in found if subjects.token_of(task.group) in tokens}


async def find_sha256s(connection: Connection, stream: str) -> set[str]:
    """Return every sha256-like text in a stream's messages; a sweep spares these blobs.

    Raises:
        Unavailable: the server does not answer.
    """
    if not (await _state(connection, stream)).messages:
        return set()
    found: set[bytes] = set()
    async with aclosing(read_messages(connection, stream, 0)) as stretches:
        async for stretch in stretches:
            found.update(sha256 for message in stretch for sha256 in _SHA256.findall(message.data))
    return {sha256.decode() for sha256 in found}


async def read_last_sequences(connection: Connection, *streams: str) -> dict[str, int]:
    """Return each stream's newest sequence, 0 for a missing one. Raises as `find_sha256s`."""
    return {stream: (await _state(connection, stream)).last_seq for stream in streams}


async def has_messages_until(connection: Connection, until: Mapping[str, int]) -> bool:
    """Return True if a work queue still holds messages up to its sequence in ``until``."""
    states = {stream: await _state(connection, stream) for stream in until}
    return any(s.messages and s.first_seq <= until[stream] for stream, s in states.items())


async def _state(connection: Connection, stream: str) -> StreamState:
    try:
        return (await connection.jetstream.stream_info(stream)).state
    except NotFoundError:
        return StreamState(messages=0, bytes=0, first_seq=0, last_seq=0, consumer_count=0)
    except (APIError, TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"{stream} does not answer: {error!r}") from error
