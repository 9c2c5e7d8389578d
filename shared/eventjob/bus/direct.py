"""Events read by batched direct get: without a consumer, 0.6 ms for an ordinary job."""

from bisect import bisect_right
from collections.abc import AsyncGenerator

import msgspec
import nats.errors
from nats.aio.msg import Msg

from eventjob.bus import subjects
from eventjob.bus.connection import ANSWER_WITHIN_S, Connection
from eventjob.bus.errors import Unavailable
from eventjob.bus.event_codec import recorded
from eventjob.domain.recorded import Recorded

PAGE_EVENTS = 1000
PAGE_BYTES = 10 * 1024 * 1024  # more than one message can have


async def read_subject(connection: Connection, subject: str) -> AsyncGenerator[list[Recorded]]:
    """All events of a subject, in pages; oldest first.

    Raises:
        Unavailable: the log does not answer.
        Poison: an event cannot be decoded.
    """
    start, is_more = 1, True
    while is_more:
        page, is_more = await _read_page(connection, subject, start)
        if page:
            start = page[-1].sequence + 1
            yield page


async def merged(*sources: AsyncGenerator[list[Recorded]]) -> AsyncGenerator[list[Recorded]]:
    """Stretches of events in the order of the log, out of sources that each have it."""
    heads = [await anext(source, []) for source in sources]
    while any(heads):
        until = min(head[-1].sequence for head in heads if head)
        stretch: list[Recorded] = []
        for index, source in enumerate(sources):
            cut = bisect_right(heads[index], until, key=by_sequence)
            stretch += heads[index][:cut]
            heads[index] = heads[index][cut:] or await anext(source, [])
        yield sorted(stretch, key=by_sequence)


def by_sequence(record: Recorded) -> int:
    """The order of the log."""
    return record.sequence


async def _read_page(
    connection: Connection, subject: str, start: int
) -> tuple[list[Recorded], bool]:
    """The events from ``start`` on, as many as a page has, and whether there are more."""
    if not connection.is_connected:
        raise Unavailable("not connected to NATS")
    inbox = connection.client.new_inbox()
    subscription = await connection.client.subscribe(inbox)
    request = {
        "seq": start,
        "batch": PAGE_EVENTS,
        "max_bytes": PAGE_BYTES,
        "next_by_subj": subject,
    }
    found: list[Recorded] = []
    try:
        await connection.client.publish(
            f"$JS.API.DIRECT.GET.{subjects.EVENTS}", msgspec.json.encode(request), reply=inbox
        )
        while True:
            message = await subscription.next_msg(timeout=ANSWER_WITHIN_S)
            headers = message.headers or {}
            if _is_end(headers):
                return found, int(headers.get("Nats-Num-Pending", 0)) > 0
            found.append(_event(message, headers))
    except (TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"the event log does not answer: {error!r}") from error
    finally:
        await subscription.unsubscribe()


def _is_end(headers: dict[str, str]) -> bool:
    status = headers.get("Status")
    if status not in {None, "204", "404"}:
        raise Unavailable(f"the event log answers {status}")
    return status is not None


def _event(message: Msg, headers: dict[str, str]) -> Recorded:
    return recorded(headers["Nats-Subject"], headers, message.data, int(headers["Nats-Sequence"]))
