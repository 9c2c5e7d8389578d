"""Encode events as messages of the log, and decode them."""

from urllib.parse import quote

import msgspec

from eventjob.bus import subjects
from eventjob.bus.errors import Poison
from eventjob.bus.wire.publish import Outgoing
from eventjob.contracts.base import UNREADABLE
from eventjob.contracts.events import SCHEMA_VERSION, Event
from eventjob.domain.recorded_event import RecordedEvent

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)  # ignores unknown fields of newer versions


class NewEvent(msgspec.Struct, frozen=True):
    """An event to append.

    ``expected`` is its subject's last sequence; None for a later event on the same subject.
    """

    subject: str
    event: Event
    expected: int | None
    command_id: str
    actor: str


def encode_event(new: NewEvent) -> Outgoing:
    """Return the message that stores an event."""
    headers = {subjects.HEADER_VERSION: str(SCHEMA_VERSION)}
    if new.command_id:
        headers[subjects.HEADER_COMMAND] = new.command_id
    if new.actor:
        headers[subjects.HEADER_ACTOR] = quote(new.actor, safe="")  # users' names have any letters
    if new.expected is not None:
        headers["Nats-Expected-Last-Subject-Sequence"] = str(new.expected)
    return Outgoing(new.subject, _encoder.encode(new.event), headers)


def decode_event(
    subject: str, headers: dict[str, str] | None, data: bytes, sequence: int
) -> RecordedEvent:
    """Return an event as read from the log.

    Raises:
        Poison: it cannot be decoded.
    """
    headers = headers or {}
    try:
        group, n = subjects.parse_event_subject(subject)
        event = _decoder.decode(data)
    except (ValueError, *UNREADABLE) as error:
        raise Poison(f"event {sequence} on {subject} cannot be decoded: {error}") from error
    return RecordedEvent(
        sequence=sequence,
        group=group,
        n=n,
        event=event,
        command_id=headers.get(subjects.HEADER_COMMAND, ""),
        actor=subjects.parse_actor(headers),
    )
