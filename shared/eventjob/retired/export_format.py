"""Exports: stretches of events as gzipped JSON lines, byte-identical for the same events."""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO

import msgspec

from eventjob.bus.errors import Poison
from eventjob.bus.log.event_codec import decode_event
from eventjob.bus.log.raw import StoredMessage
from eventjob.contracts.base import UNREADABLE
from eventjob.domain.recorded_event import RecordedEvent

MAX_EVENTS = 5000  # in one export, which a reader holds in memory
MAX_BYTES = 8 * 1024 * 1024
MAX_UNPACKED_BYTES = 8 * MAX_BYTES  # with one more event and its envelope: a bomb stops here
_GZIP_LEVEL = 6
_PREFIX = "Ej-"  # of the headers about the event; the others were for the server


class ExportedEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event as stored, with its place in the log."""

    sequence: int
    subject: str
    headers: dict[str, str] = {}
    event: msgspec.Raw


_encoder = msgspec.json.Encoder()
_lines = msgspec.json.Decoder(ExportedEvent)


class ExportBuilder:
    """Collects events until an export is full."""

    def __init__(self) -> None:
        self._events: list[StoredMessage] = []
        self._size = 0

    def add(self, messages: Iterable[StoredMessage]) -> Iterator[list[StoredMessage]]:
        """Add events and yield each full list."""
        for message in messages:
            is_full = len(self._events) == MAX_EVENTS or self._size > MAX_BYTES
            if is_full:
                yield self.flush()
            self._events.append(message)
            self._size += len(message.data)

    def flush(self) -> list[StoredMessage]:
        """Return the collected events and start a new list."""
        events, self._events, self._size = self._events, [], 0
        return events


def encode(events: Sequence[StoredMessage]) -> bytes:
    """Encode events as an export."""
    lines = _encoder.encode_lines([_line(event) for event in events])
    # no timestamp: a repeated export must give the same artifact
    return gzip.compress(lines, _GZIP_LEVEL, mtime=0)


def decode(data: bytes) -> list[RecordedEvent]:
    """Decode an export; raise `Poison` for anything else, or for a version unknown here."""
    try:
        with gzip.open(BytesIO(data)) as file:
            text = file.read(MAX_UNPACKED_BYTES + 1)
        if len(text) > MAX_UNPACKED_BYTES:
            raise Poison(f"an export of events may have {MAX_UNPACKED_BYTES:,} bytes at most")
        lines = _lines.decode_lines(text)
    except (OSError, EOFError, zlib.error, *UNREADABLE) as error:
        raise Poison(f"not an export of events: {error}") from error
    return [decode_event(x.subject, x.headers, bytes(x.event), x.sequence) for x in lines]


def _line(message: StoredMessage) -> ExportedEvent:
    return ExportedEvent(
        sequence=message.sequence,
        subject=message.subject,
        headers={key: text for key, text in message.headers.items() if key.startswith(_PREFIX)},
        event=msgspec.Raw(message.data),
    )
