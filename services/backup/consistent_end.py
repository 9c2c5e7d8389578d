"""Find where a backup ends, and write the events between its snapshot and there.

A snapshot ends where it was requested, but lacks what was purged while it was made. A deletion,
which explains such a gap, precedes its purge. So the log is read until the backup holds every
deletion that can have torn a gap.
"""

from collections.abc import Callable, Sequence

from eventjob.bus import subjects
from eventjob.bus.errors import Unavailable
from eventjob.bus.log import raw
from eventjob.bus.log.event_codec import decode_event
from eventjob.bus.log.raw import StoredMessage
from eventjob.bus.wire.connection import Connection
from eventjob.contracts.events import BatchDeleted, BatchFiled, JobDeleted

MAX_READS = 200
DELETIONS = (BatchDeleted, BatchFiled, JobDeleted)  # what purges follow
_BATCH, _COMMIT = "Nats-Batch-Id", "Nats-Batch-Commit"


class ConsistentEnd:
    """Reads the events after a snapshot and passes them to ``write`` as lines."""

    def __init__(self, connection: Connection, write: Callable[[bytes], object]) -> None:
        self._connection = connection
        self._write = write
        self._incomplete: list[StoredMessage] = []  # of an atomic append that was half read
        self._end = 0

    async def find(self, after: int) -> int:
        """Return the sequence at which the backup ends; its snapshot ends at ``after``."""
        self._end = after
        # from the snapshot's own end: that may be within an atomic append
        async for page in raw.read_messages(self._connection, subjects.EVENTS, max(after - 1, 0)):
            self._write_new(self._take_complete(page))
        for _ in range(MAX_READS):
            last_read = self._incomplete[-1].sequence if self._incomplete else self._end
            pages = raw.read_messages(self._connection, subjects.EVENTS, last_read)
            messages = self._take_complete([message async for page in pages for message in page])
            # restores replay whole appends: half a decision must not come back
            if not self._incomplete and not any(map(_deletes, messages)):
                return self._end  # every gap before this is explained
            self._write_new(messages)
        raise Unavailable("too many deletions at present for the backup to find an end: try again")

    def _take_complete(self, more: Sequence[StoredMessage]) -> Sequence[StoredMessage]:
        """Return the messages of complete appends; the rest waits for its continuation."""
        messages = [*self._incomplete, *more]
        count = complete_length(messages)
        self._incomplete = messages[count:]
        return messages[:count]

    def _write_new(self, messages: Sequence[StoredMessage]) -> None:
        for message in messages:
            if message.sequence > self._end:
                self._write(raw.encode_line(message))
                self._end = message.sequence


def complete_length(messages: Sequence[StoredMessage]) -> int:
    """Return how many messages precede an atomic append that is incomplete."""
    for count in range(len(messages), 0, -1):
        headers = messages[count - 1].headers
        if _BATCH not in headers or _COMMIT in headers:
            return count
    return 0


def _deletes(message: StoredMessage) -> bool:
    record = decode_event(message.subject, message.headers, message.data, message.sequence)
    return isinstance(record.event, DELETIONS)
