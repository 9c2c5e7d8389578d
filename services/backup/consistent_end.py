"""Where a backup ends, and the events between the snapshot and there.

A snapshot holds no event that came after it was asked for, but lacks what was purged while it was
made. What explains such a gap, the deletion, comes before its purge: so the log is read on until
every deletion that can have torn a hole is in the backup too.
"""

from collections.abc import Callable, Sequence

from eventjob.bus import subjects
from eventjob.bus.errors import Unavailable
from eventjob.bus.log import raw
from eventjob.bus.log.event_codec import decode_event
from eventjob.bus.log.raw import StoredMessage
from eventjob.bus.wire.connection import Connection
from eventjob.contracts.events import BatchDeleted, BatchFiled, JobDeleted

MOST_LOOKS = 200
DELETIONS = (BatchDeleted, BatchFiled, JobDeleted)  # what purges follow
_BATCH, _COMMIT = "Nats-Batch-Id", "Nats-Batch-Commit"


class ConsistentEnd:
    """Reads the events behind a snapshot and lets ``write`` have them as lines."""

    def __init__(self, connection: Connection, write: Callable[[bytes], object]) -> None:
        self._connection = connection
        self._write = write
        self._torn: list[
            StoredMessage
        ] = []  # of an atomic append that was not whole when it was read
        self._end = 0

    async def find(self, after: int) -> int:
        """The sequence that the backup ends with, where the snapshot ends with ``after``.

        Raises:
            Unavailable: the log does not answer, or so much is deleted that no end is found.
        """
        self._end = after
        # Once more from the snapshot's own end: it may be within an atomic append.
        async for page in raw.read_messages(self._connection, subjects.EVENTS, max(after - 1, 0)):
            self._keep(self._whole(page))
        for _ in range(MOST_LOOKS):
            behind = self._torn[-1].sequence if self._torn else self._end
            pages = raw.read_messages(self._connection, subjects.EVENTS, behind)
            found = self._whole([message async for page in pages for message in page])
            if not self._torn and not any(map(_deletes, found)):
                return self._end  # what was read up to here has no hole that nothing explains
            self._keep(found)
        raise Unavailable("so much is deleted at present that the backup finds no end: try again")

    def _whole(self, found: Sequence[StoredMessage]) -> Sequence[StoredMessage]:
        """What is known to be whole by now; the rest waits for what comes behind it."""
        messages = [*self._torn, *found]
        length = whole_length(messages)
        self._torn = messages[length:]
        return messages[:length]

    def _keep(self, messages: Sequence[StoredMessage]) -> None:
        for message in messages:
            if message.sequence > self._end:
                self._write(raw.encode_line(message))
                self._end = message.sequence


def whole_length(messages: Sequence[StoredMessage]) -> int:
    """How many of the messages are not the beginning of an atomic append that goes on behind."""
    for length in range(len(messages), 0, -1):
        headers = messages[length - 1].headers
        if _BATCH not in headers or _COMMIT in headers:
            return length
    return 0


def _deletes(message: StoredMessage) -> bool:
    record = decode_event(message.subject, message.headers, message.data, message.sequence)
    return isinstance(record.event, DELETIONS)
