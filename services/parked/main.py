"""`eventjob parked`: list, show, retry or drop messages that could not be handled."""

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager

from eventjob.bus.errors import Unavailable
from eventjob.bus.roles.parking import Parked, drop, put_back, read_parked, read_parked_at
from eventjob.bus.wire.connection import Connection, connect_as
from eventjob.runtime.lifecycle import CannotStart, Stop
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Settings
from services.parked.display import COLUMNS, format_line, format_message

TASK_REFUSAL = (
    "a task is not put back: at the attempt's deadline the scheduler starts the next attempt, or "
    "the job fails and can be restarted; drop the message"
)
FORGED_REFUSAL = (
    "forged message: not sent by an authorised user; find the sender, then drop the message"
)


async def run(settings: Settings, action: str, sequences: Sequence[int], _stop: Stop) -> None:
    """Run an action on the messages with these sequences; "list" takes all messages.

    Raises:
        CannotStart: the action failed for at least one message.
    """
    try:
        async with _connected(settings) as connection:
            match action:
                case "retry":
                    await _apply_to_each(connection, sequences, _retry, "put back to")
                case "drop":
                    await _apply_to_each(connection, sequences, drop, "dropped, from")
                case "show":
                    await _show(connection, sequences)
                case _:
                    await _list(connection)
    except Unavailable as reason:
        raise CannotStart(str(reason)) from reason


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncGenerator[Connection]:
    connection = await connect_as("parked", settings.nats, get_logger("parked"))
    try:
        yield connection
    finally:
        await connection.close()


async def _list(connection: Connection) -> None:
    count = 0
    async with aclosing(read_parked(connection)) as messages:
        async for message in messages:
            if not count:
                sys.stdout.write("\t".join(COLUMNS) + "\n")
            sys.stdout.write(f"{format_line(message)}\n")
            count += 1
    if not count:
        sys.stdout.write("nothing is parked\n")


async def _show(connection: Connection, sequences: Sequence[int]) -> None:
    for sequence in sequences:
        message = await read_parked_at(connection, sequence)
        if message is None:
            raise CannotStart(_missing_text(sequence))
        sys.stdout.write(format_message(message))


async def _apply_to_each(
    connection: Connection,
    sequences: Sequence[int],
    do: Callable[[Connection, Parked], Awaitable[None]],
    done: str,
) -> None:
    faults = []  # collected: one failure must not keep the other messages from being handled
    for sequence in sequences:
        message = await read_parked_at(connection, sequence)
        try:
            if message is None:
                faults.append(_missing_text(sequence))
                continue
            await do(connection, message)
        except (Unavailable, _RetryRefused) as reason:
            faults.append(f"message {sequence}: {reason}")
        else:
            sys.stdout.write(f"message {sequence}: {done} {message.subject}\n")
    if faults:
        raise CannotStart("; ".join(faults))


async def _retry(connection: Connection, message: Parked) -> None:
    # The attempt in a task's subject fences it off: a late one would be ignored.
    if message.subject.startswith("task."):
        raise _RetryRefused(TASK_REFUSAL)
    if message.is_forged:  # stored by the server, for a user without the right to send it
        raise _RetryRefused(FORGED_REFUSAL)
    await put_back(connection, message)


def _missing_text(sequence: int) -> str:
    return f"there is no parked message {sequence}; `eventjob parked` lists them"


class _RetryRefused(Exception):
    """Retrying this message cannot work."""
