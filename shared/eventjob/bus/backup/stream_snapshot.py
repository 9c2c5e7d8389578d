"""Copy a whole stream out of the server and back in, with its sequences.

The server's own format (a compressed tar) passes through unread. The server goes on meanwhile:
appended messages are not in the snapshot, and purged ones may be missing.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
import nats.errors
from nats.aio.msg import Msg

from eventjob.bus.errors import Unavailable
from eventjob.bus.wire.connection import Connection

CHUNK_BYTES = 256 * 1024
PIECE_BYTES = 8 * 1024  # of a restore: see `_split`
WINDOW_BYTES = 8 * 1024 * 1024  # maximum under way of a snapshot
ANSWER_WITHIN_S = 30.0
FINISH_WITHIN_S = 1800.0  # the server unpacks everything before it answers
_END = "204"


class StreamDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A stream's whole configuration and state, as the server describes it."""

    config: dict[str, Any]
    state: dict[str, Any]

    @property
    def last_sequence(self) -> int:
        """The newest message's sequence, 0 for an empty stream."""
        return int(self.state["last_seq"])


class _Answer(msgspec.Struct, frozen=True):
    error: dict[str, Any] | None = None
    config: dict[str, Any] = {}
    state: dict[str, Any] = {}
    deliver_subject: str = ""


async def save_stream(
    connection: Connection, stream: str, write: Callable[[bytes], object]
) -> StreamDescription:
    """Pass the stream to ``write`` chunk by chunk, in order; return what it was then.

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
            if not chunk.data and not chunk.reply:  # an empty chunk has a reply, the end has none
                break
            number += 1
            _check_number(chunk, number, stream)
            write(chunk.data)
            if chunk.reply:
                await connection.client.publish(chunk.reply)
        _check_end(chunk, stream)
    except (TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"the snapshot of {stream} does not arrive: {error!r}") from error
    finally:
        if connection.is_connected:
            await subscription.unsubscribe()
    if connection.reconnects != reconnects:  # nats-py resubscribes in silence; chunks are lost
        raise Unavailable(f"the connection was lost, and the snapshot of {stream} with it")
    return StreamDescription(config=answer.config, state=answer.state)


async def load_stream(
    connection: Connection, stream: str, described: StreamDescription, chunks: Iterable[bytes]
) -> StreamDescription:
    """Create ``stream`` from a snapshot atomically; return what it is now.

    Raises:
        Unavailable: the server refuses (also if the stream exists), or does not answer.
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
    """Split the chunks into pieces that a slow disk can follow.

    The server stores a piece's events before it takes the next piece, and gives up after 5 s.
    256 KB can be 10,000 events with an fsync each.
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
    """Compare a chunk's number, at the end of its reply subject, if it has one."""
    if chunk.reply and int(chunk.reply.rsplit(".", 1)[1]) != number:
        raise Unavailable(f"a piece of the snapshot of {stream} was lost on the way")


def _check_end(end: Msg, stream: str) -> None:
    headers = end.headers or {}
    if headers.get("Status", _END) != _END:  # a stream of one piece ends without a word
        said = f"{headers.get('Status', '')} {headers.get('Description', '')}".strip()
        raise Unavailable(f"the snapshot of {stream} broke off: {said}")
