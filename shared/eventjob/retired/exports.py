"""Stretches of events as bytes: gzipped JSON lines, the same events always the same bytes."""

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

MOST_EVENTS = 5000  # in one export: what a reader has in memory at once
MOST_BYTES = 8 * 1024 * 1024
LARGEST_BYTES = 8 * MOST_BYTES  # unpacked, with one more event and what stands around each
_LEVEL = 6
_OURS = "Ej-"  # headers that say something of the event; the others were for the server


class ExportedEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event as it was stored, and its place in the log."""

    sequence: int
    subject: str
    headers: dict[str, str] = {}
    event: msgspec.Raw


class ExportBuilder:
    """Gathers events until there are as many as an export may have."""

    def __init__(self) -> None:
        self._events: list[StoredMessage] = []
        self._size = 0

    def add(self, messages: Iterable[StoredMessage]) -> Iterator[list[StoredMessage]]:
        """Take some more; what is full comes out."""
        for message in messages:
            is_full = len(self._events) == MOST_EVENTS or self._size > MOST_BYTES
            if is_full:
                yield self.rest()
            self._events.append(message)
            self._size += len(message.data)

    def rest(self) -> list[StoredMessage]:
        """What is left."""
        rest, self._events, self._size = self._events, [], 0
        return rest


def encode(events: Sequence[StoredMessage]) -> bytes:
    """The events as an export."""
    lines = _encoder.encode_lines([_line(event) for event in events])
    return gzip.compress(lines, _LEVEL, mtime=0)


def decode(data: bytes) -> list[RecordedEvent]:
    """The inverse of `encode`.

    Raises:
        Poison: that is no export of events that this version knows.
    """
    try:
        with gzip.open(BytesIO(data)) as file:
            text = file.read(LARGEST_BYTES + 1)
        if len(text) > LARGEST_BYTES:
            raise Poison(f"an export of events may have {LARGEST_BYTES:,} bytes at most")
        lines = _lines.decode_lines(text)
    except (OSError, EOFError, zlib.error, *UNREADABLE) as error:
        raise Poison(f"not an export of events: {error}") from error
    return [decode_event(x.subject, x.headers, bytes(x.event), x.sequence) for x in lines]


def _line(message: StoredMessage) -> ExportedEvent:
    return ExportedEvent(
        sequence=message.sequence,
        subject=message.subject,
        headers={key: text for key, text in message.headers.items() if key.startswith(_OURS)},
        event=msgspec.Raw(message.data),
    )


_encoder = msgspec.json.Encoder()
_lines = msgspec.json.Decoder(ExportedEvent)
