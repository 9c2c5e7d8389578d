"""Read and write stored messages unchanged, for export, backup and restore."""

from collections.abc import AsyncGenerator, Iterable, Sequence

import msgspec
import nats.errors
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NotFoundError

from eventjob.bus import subjects
from eventjob.bus.errors import Unavailable
from eventjob.bus.wire import frames
from eventjob.bus.wire.connection import ANSWER_WITHIN_S, Connection
from eventjob.bus.wire.publish import MAX_BATCH_MESSAGES, Outgoing, Rejected, publish
from eventjob.bus.wire.pull import Delivery, Pull, Source

GAP = "ev.00.gap"  # fills the sequences of purged events; purged before any reader starts
READ_AHEAD = 4000
MAX_BATCH_BYTES = 32 * 1024 * 1024  # in one atomic batch
_SERVER_HEADERS = (
    "Nats-"  # headers that the server reads; they did their work when it was first stored
)
_encoder = msgspec.json.Encoder()


class StoredMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message, and its place in the stream."""

    sequence: int
    subject: str
    headers: dict[str, str] = {}
    data: bytes


async def read_messages(
    connection: Connection, stream: str, after: int, pattern: str | None = None
) -> AsyncGenerator[list[StoredMessage]]:
    """Yield the messages after the sequence ``after`` in stretches, oldest first.

    With ``pattern``: only on subjects that match it. Ends with what was the newest message when it
    was sent. Work queues cannot be read this way.

    Raises:
        Unavailable: the stream does not answer.
    """
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=after + 1,
        filter_subject=pattern,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=60.0,  # removes the consumer of a reader that crashed
        mem_storage=True,
        num_replicas=1,
    )
    try:
        info = await connection.jetstream.add_consumer(stream, config)
    except (APIError, TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"cannot read {stream}: {error!r}") from error
    pull = Pull(connection, [Source(stream, info.name)])
    await pull.open()
    left, position = info.num_pending or 0, 0
    try:
        while left:
            await pull.set_demand(0, READ_AHEAD)
            deliveries = await pull.receive(READ_AHEAD, ANSWER_WITHIN_S)
            if not deliveries:  # the rest was purged meanwhile, or the server is away
                left = await _count_left(connection, stream, info.name)
                continue
            position += len(deliveries)
            if deliveries[-1].consumer_sequence != position:
                raise Unavailable(f"messages of {stream} were lost on the way")
            left = int(deliveries[-1].reply.rsplit(".", 1)[1])
            yield [_stored_message(delivery) for delivery in deliveries]
    finally:
        await pull.close()
        if connection.is_connected:
            await _delete_consumer(connection, stream, info.name)


def _stored_message(delivery: Delivery) -> StoredMessage:
    return StoredMessage(
        sequence=delivery.stream_sequence,
        subject=delivery.subject,
        headers=delivery.headers,
        data=delivery.data,
    )


async def read_queue(connection: Connection, stream: str) -> list[StoredMessage]:
    """Return the messages of a work queue, and leave them there."""
    found: list[StoredMessage] = []
    sequence = 1
    try:
        while True:
            message = await connection.jetstream.get_msg(
                stream, seq=sequence, subject=">", next=True
            )
            sequence = (message.seq or sequence) + 1
            found.append(
                StoredMessage(
                    sequence=sequence - 1,
                    subject=message.subject or "",
                    headers=message.headers or {},
                    data=message.data or b"",
                )
            )
    except NotFoundError:
        return found
    except (APIError, TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"cannot read {stream}: {error!r}") from error


async def rewrite_events(
    connection: Connection, messages: Iterable[StoredMessage], last: int
) -> int:
    """Append events after sequence ``last``, each at its old sequence; return the end.

    Sequences of purged events stay empty; events up to ``last`` are skipped.

    Raises:
        Unavailable: some could not be stored, or another writer is active.
    """
    out: list[Outgoing] = []
    size = 0
    for message in messages:
        if message.sequence <= last:
            continue
        fillers = message.sequence - last - 1 - len(out)
        # A forged message keeps its sequence, or all later events would move.
        own = Outgoing(GAP, b"") if is_forged(message) else copy_message(message)
        for filler in [Outgoing(GAP, b"")] * fillers + [own]:
            out.append(filler)
            size += len(filler.data)
            if len(out) == MAX_BATCH_MESSAGES or size > MAX_BATCH_BYTES:
                last = await _write(connection, out, last)
                out, size = [], 0
    if out:
        last = await _write(connection, out, last)
    try:
        await connection.jetstream.purge_stream(subjects.EVENTS, subject=GAP)
    except (APIError, TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"cannot purge the fillers between the events: {error!r}") from error
    return last


def is_forged(message: StoredMessage) -> bool:
    """Return True if the server was made to store it; see `frames.is_server_answer`."""
    return "Nats-Stream" in message.headers or frames.is_server_answer(b"", message.data)


def copy_message(message: StoredMessage, subject: str | None = None) -> Outgoing:
    """Return a message as it was published, free of the server's headers."""
    headers = {
        key: text for key, text in message.headers.items() if not key.startswith(_SERVER_HEADERS)
    }
    return Outgoing(subject or message.subject, message.data, headers)


def encode_line(message: StoredMessage) -> bytes:
    """Encode a message as a line of a file."""
    return _encoder.encode(message) + b"\n"


def decode_line(text: bytes) -> StoredMessage:
    """Decode a line: the inverse of `encode_line`; raises msgspec.MsgspecError."""
    return msgspec.json.decode(text, type=StoredMessage)


async def _write(connection: Connection, out: Sequence[Outgoing], last: int) -> int:
    try:
        end = await publish(connection, out)
    except Rejected as error:
        raise Unavailable(f"the events cannot be stored: {error}") from error
    if end != last + len(out):  # the sequences are part of documents and ZIPs
        raise Unavailable(f"another writer is active: event {last + len(out)} became {end}")
    return end


async def _count_left(connection: Connection, stream: str, durable: str) -> int:
    try:
        info = await connection.jetstream.consumer_info(stream, durable)
    except (APIError, TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"cannot read {stream}: {error!r}") from error
    return int(info.num_pending or 0)


async def _delete_consumer(connection: Connection, stream: str, durable: str) -> None:
    try:
        await connection.jetstream.delete_consumer(stream, durable)
    except (APIError, TimeoutError, nats.errors.Error):
        return  # the server removes it after a minute without pulls
