"""Park messages that fail for good, for a person to inspect, retry or drop."""

from collections.abc import AsyncGenerator, Mapping
from urllib.parse import quote, unquote

import msgspec
import nats.errors
from nats.aio.msg import Msg
from nats.js.errors import APIError, NotFoundError

from eventjob.bus import subjects
from eventjob.bus.errors import Unavailable
from eventjob.bus.wire import frames
from eventjob.bus.wire.connection import Connection
from eventjob.bus.wire.direct import direct_get, is_forged
from eventjob.bus.wire.publish import Outgoing, Rejected, publish
from eventjob.bus.wire.pull import Delivery

PREFIX = "parked."
PAGE_MESSAGES = 100
PAGE_BYTES = 10 * 1024 * 1024  # above the largest message


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """A message in PARKED; ``subject`` is its original one."""

    sequence: int
    at: str  # RFC 3339, when it was parked
    subject: str
    headers: dict[str, str]
    data: bytes
    is_forged: bool = False  # an answer of the server, sent by a user without the right

    @property
    def reason(self) -> str:
        """Why it was parked."""
        return _reason(self.headers)

    @property
    def deliveries(self) -> str:
        """How often it was delivered before; "" if unknown."""
        return self.headers.get(subjects.HEADER_DELIVERIES, "")


async def park(connection: Connection, delivery: Delivery, reason: str) -> None:
    """Copy a message to PARKED with the reason; then the caller terminates it.

    Raises:
        Unavailable: it was not stored; the caller must stop, or the message is lost.
    """
    headers = {key: value for key, value in delivery.headers.items() if not key.startswith("Nats-")}
    headers[subjects.HEADER_REASON] = quote(reason[:500], safe=" ")  # line breaks end a header
    headers[subjects.HEADER_DELIVERIES] = str(delivery.delivered)
    message = Outgoing(f"{PREFIX}{delivery.subject}", delivery.data, headers)
    try:
        await publish(connection, [message])
    except Rejected as error:
        raise Unavailable(f"a message could not be parked: {error}") from error


async def read_parked(connection: Connection, start: int = 1) -> AsyncGenerator[Parked]:
    """Yield the parked messages from sequence ``start`` on, oldest first.

    Raises:
        Unavailable: the stream does not answer.
    """
    is_more = True
    while is_more:
        request = {
            "seq": start,
            "batch": PAGE_MESSAGES,
            "max_bytes": PAGE_BYTES,
            "next_by_subj": f"{PREFIX}>",
        }
        page, left = await direct_get(connection, subjects.PARKED, request)
        for message in page:
            found = _parked(message)
            start = found.sequence + 1
            yield found
        is_more = bool(page) and left > 0


async def read_parked_at(connection: Connection, sequence: int) -> Parked | None:
    """Return the parked message of this sequence, if there is one. Raises as `read_parked`."""
    request = {"seq": sequence, "batch": 1, "next_by_subj": f"{PREFIX}>"}
    for message in (await direct_get(connection, subjects.PARKED, request))[0]:
        found = _parked(message)
        return found if found.sequence == sequence else None
    return None


async def count_parked(connection: Connection) -> int:
    """Return the number of parked messages. Raises as `read_parked`."""
    try:
        return int((await connection.brief.stream_info(subjects.PARKED)).state.messages)
    except NotFoundError:
        return 0
    except (APIError, TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"{subjects.PARKED} does not answer: {error!r}") from error


async def put_back(connection: Connection, message: Parked) -> None:
    """Send a message to its original subject again, then remove it from PARKED.

    A command keeps its id, so its group recognises what is already done. The reply goes nowhere.
    After an interruption it may be put back again: for two minutes the server drops duplicates.

    Raises:
        Unavailable: it was not stored, or is still parked as well.
    """
    dropped = {subjects.HEADER_REASON, subjects.HEADER_DELIVERIES, subjects.HEADER_REPLY}
    headers = {key: value for key, value in message.headers.items() if key not in dropped}
    headers["Nats-Msg-Id"] = f"parked-{message.sequence}-{message.at}"
    try:
        await publish(connection, [Outgoing(message.subject, message.data, headers)])
    except Rejected as error:
        raise Unavailable(f"{message.subject} was refused: {error}") from error
    await drop(connection, message)


async def drop(connection: Connection, message: Parked) -> None:
    """Delete a parked message for good. Raises as `read_parked`."""
    try:
        await connection.jetstream.delete_msg(subjects.PARKED, message.sequence)
    except (APIError, TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"cannot remove message {message.sequence}: {error!r}") from error


def _parked(message: Msg) -> Parked:
    headers = message.headers or {}
    return Parked(
        sequence=int(headers["Nats-Sequence"]),
        at=headers["Nats-Time-Stamp"],
        subject=headers["Nats-Subject"].removeprefix(PREFIX),
        headers={key: text for key, text in headers.items() if not key.startswith("Nats-")},
        data=message.data,
        is_forged=is_forged(message) or _reason(headers) == frames.FORGED,
    )


def _reason(headers: Mapping[str, str]) -> str:
    return unquote(headers.get(subjects.HEADER_REASON, ""))
