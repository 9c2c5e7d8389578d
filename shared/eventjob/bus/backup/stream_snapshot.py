"""A whole stream out of the server and back in, its sequences kept.

The server's own form (a compressed tar of its files) passes through unread. While it is made the
server goes on: nothing that is appended meanwhile is in it, but what is purged meanwhile may be
missing from it.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
import nats.errors
from nats.aio.msg import Msg

from eventjob.bus.errors import Unavailable
from eventjob.bus.wire.connection import Connection

CHUNK_BYTES = 256 * 1024
PIECE_BYTES = 8 * 1024  # on their way back: see `_split`
WINDOW_BYTES = 8 * 1024 * 1024  # on their way to us, at most
ANSWER_WITHIN_S = 30.0  # a chunk, or an answer
FINISH_WITHIN_S = 1800.0  # the server unpacks what it was given before it answers
_END = "204"


class StreamDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says of a stream: its whole configuration, and its state."""

    config: dict[str, Any]
    state: dict[str, Any]

    @property
    def last_sequence(self) -> int:
        """The newest message's, 0 for none."""
        return int(self.state["last_seq"])


class _Answer(msgspec.Struct, frozen=True):
    error: dict[str, Any] | None = None
    config: dict[str, Any] = {}
    state: dict[str, Any] = {}
    deliver_subject: str = ""


async def save_stream(
    connection: Connection, stream: str, write: Callable[[bytes], object]
) -> StreamDescription:
    """Let ``write`` have the stream piece by piece, in order; what the stream was then.

    Raises:
        Unavailable: the server fails, or the connection is lost: what was written is worthless.
    """
    reconnects = connection.reconnects
    inbox = connection.client.new_inbox()
    subscription = await connection.client.subscribe(inbox)
    request = {
        "deliver_subject": inbox,
        "no_consumers": True,
        "chunk_size": CHUNK_BYTES,
        "window_size": WINDOW_BYTES,
    }
    try:
        answer = await _ask(
            connection, f"$JS.API.STREAM.SNAPSHOT.{stream}", msgspec.json.encode(request)
        )
        number = 0
        while True:
            chunk = await subscription.next_msg(timeout=ANSWER_WITHIN_S)
            if not chunk.data and not chunk.reply:  # an empty piece has a reply, the end has none
                break
            number += 1
            _check_number(chunk, number, stream)
            write(chunk.data)
            if chunk.reply:
                await connection.client.publish(chunk.reply)
        _check_end(chunk, stream)
    except (TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"the snapshot of {stream} does not come: {error!r}") from error
    finally:
        if connection.is_connected:
            await subscription.unsubscribe()
    if connection.reconnects != reconnects:
        raise Unavailable(f"the connection was lost, and the snapshot of {stream} with it")
    return StreamDescription(config=answer.config, state=answer.state)


async def load_stream(
    connection: Connection, stream: str, described: StreamDescription, chunks: Iterable[bytes]
) -> StreamDescription:
    """Make ``stream`` out of a snapshot: all of it, or it is not there. What it is now.

    Raises:
        Unavailable: the server refuses (also where there is such a stream), or does not answer.
    """
    answer = await _ask(
        connection, f"$JS.API.STREAM.RESTORE.{stream}", msgspec.json.encode(described)
    )
    try:
        for piece in _split(chunks):
            taken = await connection.client.request(
                answer.deliver_subject, piece, timeout=ANSWER_WITHIN_S
            )
            if taken.data:
                said = taken.data.decode(errors="replace")
                raise Unavailable(f"the server cannot take {stream} back: {said}")
    except (TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"the server does not take {stream} back: {error!r}") from error
    done = await _ask(connection, answer.deliver_subject, b"", FINISH_WITHIN_S)
    return StreamDescription(config=done.config, state=done.state)


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks in such pieces that a slow disk can follow.

    The server stores the events of a piece, with an fsync for each where it has been told so,
    before it takes the next one, and gives up after 5 s: 256 KB can be 10,000 events.
    """
    for chunk in chunks:
        for start in range(0, len(chunk), PIECE_BYTES):
            yield chunk[start : start + PIECE_BYTES]


async def _ask(
    connection: Connection, subject: str, data: bytes, within_s: float = ANSWER_WITHIN_S
) -> _Answer:
    try:
        message = await connection.client.request(subject, data, timeout=within_s)
    except (TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"{subject} is not answered: {error!r}") from error
    answer = msgspec.json.decode(message.data, type=_Answer)
    if answer.error is not None:
        raise Unavailable(f"{subject}: {answer.error.get('description', 'refused')}")
    return answer


def _check_number(chunk: Msg, number: int, stream: str) -> None:
    """A chunk's reply subject ends with its number; the last one may have none."""
    if chunk.reply and int(chunk.reply.rsplit(".", 1)[1]) != number:
        raise Unavailable(f"a piece of the snapshot of {stream} was lost on the way")


def _check_end(end: Msg, stream: str) -> None:
    headers = end.headers or {}
    if headers.get("Status", _END) != _END:  # a stream of one piece ends without a word
        said = f"{headers.get('Status', '')} {headers.get('Description', '')}".strip()
        raise Unavailable(f"the snapshot of {stream} broke off: {said}")
