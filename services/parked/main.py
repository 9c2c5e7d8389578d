"""``eventjob parked``: what nobody could handle is listed, shown, tried again or given up."""

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager

from eventjob.bus.errors import Unavailable
from eventjob.bus.roles.parking import Parked, drop, put_back, read_parked, read_parked_at
from eventjob.bus.wire.connection import Connection, connect_as
from eventjob.runtime.lifecycle import CannotStart, Stop
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Settings
from services.parked.display import COLUMNS, line, whole

TASK = (
    "a task is not put back: when its attempt's time is up, the scheduler makes the next one, or "
    "the job fails and can be restarted; drop it"
)

FORGED = "nobody who may send it has sent it, the server was made to: look who did, and drop it"


async def run(settings: Settings, does: str, sequences: Sequence[int], _stop: Stop) -> None:
    """Do what was asked with the messages of these sequences; "list" is about all.

    Raises:
        CannotStart: some of it could not be done.
    """
    try:
        async with _connected(settings) as connection:
            match does:
                case "retry":
                    await _each(connection, sequences, _retry, "put back to")
                case "drop":
                    await _each(connection, sequences, drop, "dropped, from")
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
            sys.stdout.write(f"{line(message)}\n")
            count += 1
    if not count:
        sys.stdout.write("nothing is parked\n")


async def _show(connection: Connection, sequences: Sequence[int]) -> None:
    for sequence in sequences:
        message = await read_parked_at(connection, sequence)
        if message is None:
            raise CannotStart(_missing(sequence))
        sys.stdout.write(whole(message))


async def _each(
    connection: Connection,
    sequences: Sequence[int],
    do: Callable[[Connection, Parked], Awaitable[None]],
    done: str,
) -> None:
    """Do it with each of them, also where it fails with another."""
    faults = []
    for sequence in sequences:
        message = await read_parked_at(connection, sequence)
        try:
            if message is None:
                faults.append(_missing(sequence))
                continue
            await do(connection, message)
        except (Unavailable, _NotSensible) as reason:
            faults.append(f"message {sequence}: {reason}")
        else:
            sys.stdout.write(f"message {sequence}: {done} {message.subject}\n")
    if faults:
        raise CannotStart("; ".join(faults))


async def _retry(connection: Connection, message: Parked) -> None:
    if message.subject.startswith("task."):
        raise _NotSensible(TASK)
    if message.is_forged:
        raise _NotSensible(FORGED)
    await put_back(connection, message)


def _missing(sequence: int) -> str:
    return f"there is no parked message {sequence}; `eventjob parked` lists them"


class _NotSensible(Exception):
    """It would help nobody."""
