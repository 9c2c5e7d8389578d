"""Batched direct get: read messages of a stream, without a consumer."""

from collections.abc import Mapping, Sequence

import msgspec
import nats.errors
from nats.aio.msg import Msg

from eventjob.bus.errors import Unavailable
from eventjob.bus.wire import frames
from eventjob.bus.wire.connection import ANSWER_WITHIN_S, Connection

PAGE_EVENTS = 1000
PAGE_BYTES = 10 * 1024 * 1024  # above the largest message
_FORGED = "Nats-Forged"  # a header that `direct_get` sets


async def read_newest(connection: Connection, stream: str, patterns: Sequence[str]) -> list[Msg]:
    """Return the last message of each subject of ``stream`` that matches one of ``patterns``.

    Raises:
        Unavailable: the stream does not answer.
    """
    found, _ = await direct_get(connection, stream, {"multi_last": patterns, "batch": PAGE_EVENTS})
    return found


def is_forged(message: Msg) -> bool:
    """Return True if a message of `direct_get` is what `frames.is_server_answer` describes."""
    return _FORGED in (message.headers or {})


async def direct_get(
    connection: Connection, stream: str, request: Mapping[str, object]
) -> tuple[list[Msg], int]:
    """Run a batched direct get; return the messages, and how many more there are.

    Raises:
        Unavailable: the stream does not answer.
    """
    if not connection.is_connected:
        raise Unavailable("not connected to NATS")
    subject = f"$JS.API.DIRECT.GET.{stream}"
    inbox = connection.client.new_inbox()
    subscription = await connection.client.subscribe(inbox)
    found: list[Msg] = []
    heads: list[bytes] = []

    def note(_subject: bytes, _reply: bytes, _data: bytes, head: bytes) -> bool:
        heads.append(head)
        return False

    connection.client.intercept(subscription, note)
    try:
        await connection.client.publish(subject, msgspec.json.encode(request), reply=inbox)
        while True:
            message = await connection.client.next_message(subscription, subject, ANSWER_WITHIN_S)
            headers = message.headers or {}
            if "Nats-Stream" not in headers:  # a stored message may have a "Status" of its own
                status = headers.get("Status")
                if status not in {"204", "404"}:
                    raise Unavailable(f"{stream} answers {status}")
                return found, int(headers.get("Nats-Num-Pending", 0))
            if frames.is_stored_answer(heads[len(found)], message.data):
                headers[_FORGED] = frames.FORGED
            found.append(message)
    except (TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"{stream} does not answer: {error!r}") from error
    finally:
        connection.client.stop_intercepting(subscription)
        await subscription.unsubscribe()
