"""What a scheduler finds on the bus when it starts: messages of its predecessor, and tasks out."""

import asyncio
from collections.abc import Mapping

import nats.errors
from nats.js.errors import APIError

from eventjob.bus import subjects, topology
from eventjob.bus.connection import Connection
from eventjob.bus.errors import Unavailable
from eventjob.bus.subjects import TaskAddress

SCHEDULER_STREAMS = (subjects.CMD, subjects.REPORTS)


async def prepare(connection: Connection) -> None:
    """Make streams and consumers, and have a dead predecessor's messages delivered again at once.

    Raises:
        Unavailable: the server does not answer, or refuses.
    """
    try:
        await topology.ensure_streams(connection.jetstream)
        await topology.ensure_consumers(connection.jetstream)
        await asyncio.gather(
            *(
                connection.jetstream.reset_consumer(stream, subjects.scheduler_durable(token))
                for token in subjects.ALL_PARTITIONS
                for stream in SCHEDULER_STREAMS
            )
        )
    except (APIError, TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"cannot make the streams: {error!r}") from error


async def ends(connection: Connection) -> dict[str, int]:
    """The newest sequence of commands and of reports: where the backlog ends."""
    return {stream: (await _info(connection, stream))[1] for stream in SCHEDULER_STREAMS}


async def is_done(connection: Connection, backlog: Mapping[str, int]) -> bool:
    """Whether nothing up to the noted ends is left: work queues drop what is acknowledged."""
    for stream, end in backlog.items():
        first, _, count = await _info(connection, stream)
        if count and first <= end:
            return False
    return True


async def tasks_out(connection: Connection) -> set[TaskAddress]:
    """The tasks that workers have, or will get.

    Raises:
        Unavailable: the server does not answer.
    """
    try:
        info = await connection.jetstream.stream_info(subjects.TASKS, subjects_filter="task.>")
    except (APIError, TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"cannot list the tasks: {error!r}") from error
    return {subjects.parse_task_subject(subject) for subject in info.state.subjects or {}}


async def _info(connection: Connection, stream: str) -> tuple[int, int, int]:
    """First sequence, last sequence and number of messages of a stream."""
    try:
        state = (await connection.jetstream.stream_info(stream)).state
    except (APIError, TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"{stream} does not answer: {error!r}") from error
    return state.first_seq, state.last_seq, state.messages
