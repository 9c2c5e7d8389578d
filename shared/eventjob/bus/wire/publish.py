"""Publish many messages atomically."""

import secrets
from collections.abc import Mapping, Sequence

import msgspec
import nats.errors
from nats.js.errors import APIError, NoStreamResponseError

from eventjob.bus.errors import Unavailable
from eventjob.bus.wire import frames
from eventjob.bus.wire.connection import ANSWER_WITHIN_S, Connection

MAX_BATCH_MESSAGES = 1000  # in one atomic batch


class Outgoing(msgspec.Struct, frozen=True):
    """A message to publish."""

    subject: str
    data: bytes
    headers: Mapping[str, str] = {}


class Rejected(Exception):
    """The server refused to store a message; ``code`` is its ``err_code``."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(reason)
        self.code = code


async def publish(connection: Connection, messages: Sequence[Outgoing]) -> int:
    """Store ``messages`` (1 to 1,000) in a row; return the last one's sequence.

    Raises:
        Rejected: none was stored.
        Unavailable: it is unknown whether they were stored.
    """
    *others, last = messages
    headers = dict(last.headers)
    if others:  # a single message is a plain publish: 3 ms until visible instead of 10
        await _stage(connection, others, headers)
    try:
        ack = await connection.jetstream.publish(
            last.subject, last.data, headers=headers or None, timeout=ANSWER_WITHIN_S
        )
    except APIError as error:
        raise Rejected(error.err_code, error.description or str(error)) from error
    except NoStreamResponseError as error:
        raise Unavailable(f"no stream takes {last.subject}") from error
    except (TimeoutError, nats.errors.Error, OSError) as error:
        raise Unavailable(f"NATS did not confirm: {error!r}") from error
    return ack.seq


async def _stage(
    connection: Connection, others: Sequence[Outgoing], last_headers: dict[str, str]
) -> None:
    """Send all but the last message, which commits their batch."""
    batch_id = secrets.token_urlsafe(6)  # short, since it is stored with every event
    numbered = f"Nats-Batch-Id: {batch_id}\r\nNats-Batch-Sequence: "
    await frames.write(
        connection.client,
        (
            frames.encode_with_headers(m.subject, m.headers, m.data, more=f"{numbered}{number}\r\n")
            for number, m in enumerate(others, 1)
        ),
    )
    last_headers["Nats-Batch-Id"] = batch_id
    last_headers["Nats-Batch-Sequence"] = str(len(others) + 1)
    last_headers["Nats-Batch-Commit"] = "1"
