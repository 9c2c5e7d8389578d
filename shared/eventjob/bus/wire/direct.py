"""Batched direct get: messages read from a stream without a consumer."""

from collections.abc import Mapping, Sequence

import msgspec
import nats.errors
from nats.aio.msg import Msg

from eventjob.bus.errors import Unavailable
from eventjob.bus.wire import frames
from eventjob.bus.wire.connection import ANSWER_WITHIN_S, Connection

PAGE_EVENTS = 1000
PAGE_BYTES = 10 * 1024 * 1024  # more than one message can have
_FORGED = "Nats-Forged"  # a header that `direct_get` sets


async def read_newest(connection: Connection, stream: str, patterns: Sequence[str]) -> list[Msg]:
    """The last message of each subject of ``stream`` that one of ``patterns`` matches.

    Raises:
        Unavailable: the stream does not answer.
    """
    found, _ = await direct_get(connection, stream, {"multi_last": patterns, "batch": PAGE_EVENTS})
    return found


def is_forged(message: Msg) -> bool:
    """Whether a message that `direct_get` found is what `frames.is_answer` tells of."""
    return _FORGED in (message.headers or {})


async def direct_get(
    connection: Connection, stream: str, request: Mapping[str, object]
) -> tuple[list[Msg], int]:
    """What a stream answers to a batched direct get, and how many messages more there are.

    Raises:
        Unavailable: the stream does not answer.
    """
    if not connection.is_connected:
        raise Unavailable("not connected to NATS")
    asked = f"$JS.API.DIRECT.GET.{stream}"
    inbox = connection.client.new_inbox()
    subscription = await connection.client.subscribe(inbox)
    found: list[Msg] = []
    heads: list[bytes] = []

    def note(_subject: bytes, _reply: bytes, _data: bytes, head: bytes) -> bool:
        heads.append(head)
        return False

    connection.client.intercept(subscription, note)
    try:
        await connection.client.publish(asked, msgspec.json.encode(request), reply=inbox)
        while True:
            message = await connection.client.next_message(subscription, asked, ANSWER_WITHIN_S)
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
