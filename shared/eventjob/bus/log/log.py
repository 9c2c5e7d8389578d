"""The event log: appended to with optimistic concurrency, read by literal subjects."""

import re
from collections.abc import AsyncGenerator, Container, Sequence
from contextlib import aclosing

import nats.errors
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy, StreamInfo
from nats.js.errors import APIError, NotFoundError

from eventjob.bus import subjects
from eventjob.bus.errors import Conflict, Poison, StorageFull, Unavailable
from eventjob.bus.log.event_codec import NewEvent, decode_event, encode_event
from eventjob.bus.log.reading import by_sequence, merge, read_first_on, read_subject
from eventjob.bus.wire import frames
from eventjob.bus.wire.connection import ANSWER_WITHIN_S, Connection
from eventjob.bus.wire.publish import MAX_BATCH_MESSAGES, Rejected, publish
from eventjob.bus.wire.pull import Delivery, Pull, Source
from eventjob.contracts.events import Event, JobsAdded, JobsFailed, JobsStarted
from eventjob.domain.recorded_event import RecordedEvent

WRONG_SEQUENCE = frozenset({10071, 10164})
_HAS_CALLER = re.compile(
    f"\r\n(?:{subjects.HEADER_COMMAND}|{subjects.HEADER_ACTOR}):".encode()
).search
FULL = frozenset({10023, 10047, 10077})  # insufficient resources, storage or a stream's limit
READ_AHEAD = 8000  # two stretches: one is decoded while the next arrives
MAX_STRETCH = 4000  # the longer, the more of what happens to a job is written at once


class EventLog:
    """The stream EVENTS."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.non_events: dict[
            str, int
        ] = {}  # by subject: the newest that is no event, when followed

    async def append(self, events: Sequence[NewEvent]) -> int:
        """Store all ``events`` (1 to 1,000) atomically; return the last one's sequence.

        Raises:
            Conflict: another writer came first, or the outcome is unknown: fold again.
            StorageFull: the log is full.
        """
        try:
            return await publish(self._connection, [encode_event(event) for event in events])
        except Unavailable as error:
            # Stored or lost: folding again shows which, as after any conflict.
            raise Conflict(str(error)) from error
        except Rejected as error:
            if error.code in WRONG_SEQUENCE:
                raise Conflict(str(error)) from error
            if error.code in FULL:
                raise StorageFull(f"the event log takes no more: {error}") from error
            raise Unavailable(f"the event log refuses: {error}") from error

    async def last_sequence(self) -> int:
        """Return the newest event's sequence, 0 for an empty log."""
        return int((await self._info()).state.last_seq)

    async def read_origin(self) -> str:
        """Return when this log was created; it tells logs with equal contents apart."""
        return str((await self._info()).created)

    async def _info(self) -> StreamInfo:
        try:
            return await self._connection.brief.stream_info(subjects.EVENTS)
        except (APIError, TimeoutError, nats.errors.Error) as error:
            raise Unavailable(f"the event log does not answer: {error!r}") from error

    async def purge(self, subject: str, keep: int = 0, before: int = 0) -> None:
        """Delete the events of ``subject`` for good.

        Spare the newest ``keep`` events; or delete only those below ``before``.
        """
        try:
            await self._connection.jetstream.purge_stream(
                subjects.EVENTS, subject=subject, keep=keep or None, seq=before or None
            )
        except (APIError, TimeoutError, nats.errors.Error) as error:
            raise Unavailable(f"cannot purge {subject}: {error!r}") from error

    async def read_at(self, sequence: int) -> RecordedEvent | None:
        """Return the event of this sequence unless it was purged."""
        try:
            message = await self._connection.jetstream.get_msg(
                subjects.EVENTS, sequence, direct=True
            )
        except NotFoundError:
            return None
        except (APIError, TimeoutError, nats.errors.Error) as error:
            raise Unavailable(f"the event log does not answer: {error!r}") from error
        return decode_event(message.subject or "", message.headers, message.data or b"", sequence)

    async def read_first(self, group: str) -> RecordedEvent | None:
        """Return the oldest event on the group's own subject, if there is one."""
        return await read_first_on(self._connection, subjects.event_subject(group))

    async def read(self, group: str, n: int | None = None) -> list[RecordedEvent]:
        """Return all events of a group's own subject, or those about job ``n``, oldest first."""
        subject = subjects.event_subject(group)
        found = [r async for page in read_subject(self._connection, subject) for r in page]
        if n is not None:
            found = [record for record in found if concerns(record.event, n)]
            own = read_subject(self._connection, subjects.event_subject(group, n))
            found += [record async for page in own for record in page]
        return sorted(found, key=by_sequence)

    async def read_with_jobs(self, group: str) -> AsyncGenerator[list[RecordedEvent]]:
        """Yield all events of a group and its jobs in stretches, oldest first.

        Raises:
            Unavailable: also if some of them were purged meanwhile.
        """
        subject = subjects.event_subject(group)
        async with (
            aclosing(read_subject(self._connection, subject)) as own,
            aclosing(self._read_stored(f"{subject}.*")) as jobs,
            aclosing(merge(own, jobs)) as stretches,
        ):
            async for stretch in stretches:
                yield stretch

    async def follow(
        self,
        after: int,
        until: int | None = None,
        partitions: Container[str] = subjects.ALL_PARTITIONS,
    ) -> AsyncGenerator[list[RecordedEvent]]:
        """Yield everything after the sequence ``after``, live, in stretches of what has arrived.

        Ends after the sequence ``until``, if given. Events outside ``partitions`` are dropped here:
        filtering takes the server longer than sending all.

        Raises:
            Unavailable: the connection or the reader is lost; follow again from the last event.
            Poison: an event cannot be decoded; all events before it were yielded.
        """
        if until is not None and after >= until:
            return
        pull, info = await self._open_reader(after, "ev.>")
        position = 0
        try:
            while True:
                await pull.set_demand(0, READ_AHEAD)
                deliveries = await pull.receive(MAX_STRETCH, within_s=1.0)
                if deliveries:
                    _check_order(deliveries, position)
                    position = deliveries[-1].consumer_sequence
                    stretch, poison = _decode_deliveries(deliveries, partitions, self.non_events)
                    if stretch:
                        yield stretch
                    if poison is not None:
                        raise poison
                    after = deliveries[-1].stream_sequence
                if until is not None and after >= until:
                    return
        finally:
            await self._close_reader(pull, info.name)

    async def _read_stored(self, pattern: str) -> AsyncGenerator[list[RecordedEvent]]:
        """Yield the stored events of many subjects, by one consumer with one pattern."""
        # Three times as fast as direct gets; a consumer with two patterns is six times slower.
        pull, info = await self._open_reader(0, pattern)
        position, last = 0, info.num_pending or 0
        try:
            while position < last:
                await pull.set_demand(0, READ_AHEAD)
                deliveries = await pull.receive(MAX_BATCH_MESSAGES, ANSWER_WITHIN_S)
                if not deliveries:
                    raise Unavailable(f"events on {pattern} do not arrive, or were purged")
                _check_order(deliveries, position)
                position = deliveries[-1].consumer_sequence
                if own := [d for d in deliveries if not frames.is_server_answer(d.head, d.data)]:
                    yield [_decode_delivery(delivery) for delivery in own]
        finally:
            await self._close_reader(pull, info.name)

    async def _open_reader(self, after: int, pattern: str) -> tuple[Pull, ConsumerInfo]:
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            ack_policy=AckPolicy.NONE,  # redelivery would reorder the events
            filter_subject=pattern,
            inactive_threshold=60.0,  # removes the consumer of a reader that crashed
            mem_storage=True,
            num_replicas=1,  # a lost reader is opened again, so copies would only cost
        )
        try:
            info = await self._connection.jetstream.add_consumer(subjects.EVENTS, config)
        except (APIError, TimeoutError, nats.errors.Error) as error:
            raise Unavailable(f"cannot read the event log: {error!r}") from error
        pull = Pull(self._connection, [Source(subjects.EVENTS, info.name)])
        await pull.open()
        return pull, info

    async def _close_reader(self, pull: Pull, durable: str) -> None:
        await pull.close()
        if self._connection.is_connected:
            try:
                await self._connection.jetstream.delete_consumer(subjects.EVENTS, durable)
            except (APIError, TimeoutError, nats.errors.Error):
                return  # the server removes it after a minute without pulls


def _decode_deliveries(
    deliveries: list[Delivery], partitions: Container[str], passed: dict[str, int]
) -> tuple[list[RecordedEvent], Poison | None]:
    """Return the events of ``partitions``, up to the first that fails to decode."""
    stretch: list[RecordedEvent] = []
    for delivery in deliveries:
        if subjects.parse_partition(delivery.subject) not in partitions:
            continue
        if frames.is_server_answer(delivery.head, delivery.data):
            passed[delivery.subject] = delivery.stream_sequence
            continue
        try:
            stretch.append(_decode_delivery(delivery))
        except Poison as error:
            return stretch, error
    return stretch, None


def _decode_delivery(delivery: Delivery) -> RecordedEvent:
    # Few events name their caller, and parsing headers costs more than the rest.
    headers = delivery.headers if _HAS_CALLER(delivery.head) else None
    return decode_event(delivery.subject, headers, delivery.data, delivery.stream_sequence)


def concerns(event: Event, n: int) -> bool:
    """Return True if an event on a group's own subject is about job ``n`` or the whole group."""
    match event:
        case JobsAdded():
            return event.first <= n < event.first + len(event.jobs)
        case JobsStarted():
            return any(start.n == n for start in event.starts)
        case JobsFailed():
            return n in event.numbers
        case _:
            return True


def _check_order(deliveries: list[Delivery], position: int) -> None:
    """Raise `Unavailable` for a gap in the consumer's numbers: deliveries were lost."""
    if deliveries[0].consumer_sequence != position + 1 or deliveries[
        -1
    ].consumer_sequence != position + len(deliveries):
        raise Unavailable("deliveries of the event log were lost on the way")
