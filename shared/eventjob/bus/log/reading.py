"""Read subjects by direct get, and merge ordered sources.

Direct gets need no consumer: an ordinary job's events take 0.6 ms.
"""

from bisect import bisect_right
from collections.abc import AsyncGenerator
from typing import Protocol, TypeVar

from nats.aio.msg import Msg

from eventjob.bus import subjects
from eventjob.bus.log.event_codec import decode_event
from eventjob.bus.wire.connection import Connection
from eventjob.bus.wire.direct import PAGE_BYTES, PAGE_EVENTS, direct_get, is_forged
from eventjob.domain.recorded_event import RecordedEvent


class Sequenced(Protocol):
    """Anything with a place in the log."""

    @property
    def sequence(self) -> int:
        """Return its sequence."""


T = TypeVar("T", bound=Sequenced)


async def read_subject(connection: Connection, subject: str) -> AsyncGenerator[list[RecordedEvent]]:
    """Yield all events of a subject in pages, oldest first.

    Raises:
        Unavailable: the log does not answer.
        Poison: an event cannot be decoded.
    """
    start, is_more = 1, True
    while is_more:
        found, is_more = await _read_page(connection, subject, start)
        if page := [_decode(message) for message in found if not is_forged(message)]:
            yield page
        if found:
            start = _sequence(found[-1]) + 1  # also past forged messages


async def read_first_on(connection: Connection, subject: str) -> RecordedEvent | None:
    """Return the oldest event of a subject, if there is one. Raises as `read_subject`."""
    start = 1
    while True:
        request = {"seq": start, "batch": 1, "next_by_subj": subject}
        found, _ = await direct_get(connection, subjects.EVENTS, request)
        if not found or not is_forged(found[0]):
            return _decode(found[0]) if found else None
        start = _sequence(found[0]) + 1


async def merge(*sources: AsyncGenerator[list[T]]) -> AsyncGenerator[list[T]]:
    """Merge sources that are each in log order into stretches in log order."""
    heads = [await anext(source, []) for source in sources]
    while any(heads):
        until = min(head[-1].sequence for head in heads if head)
        stretch: list[T] = []
        for index, source in enumerate(sources):
            count = bisect_right(heads[index], until, key=by_sequence)
            stretch += heads[index][:count]
            heads[index] = heads[index][count:] or await anext(source, [])
        yield sorted(stretch, key=by_sequence)


def by_sequence(record: Sequenced) -> int:
    """Sort key: the order of the log."""
    return record.sequence


async def _read_page(connection: Connection, subject: str, start: int) -> tuple[list[Msg], bool]:
    """Return one page of events from ``start`` on, and whether more follow."""
    request = {
        "seq": start,
        "batch": PAGE_EVENTS,
        "max_bytes": PAGE_BYTES,
        "next_by_subj": subject,
    }
    found, left = await direct_get(connection, subjects.EVENTS, request)
    return found, bool(found) and left > 0


def _decode(message: Msg) -> RecordedEvent:
    headers = message.headers or {}
    return decode_event(headers["Nats-Subject"], headers, message.data, _sequence(message))


def _sequence(message: Msg) -> int:
    return int((message.headers or {})["Nats-Sequence"])
