"""Encode and decode cursors, which name the place in a list where the next page begins."""

import hashlib
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from eventjob.projection.store import BatchQuery, JobQuery, PageStart

_PLACE = struct.Struct(">qq")  # time in ms and position: valid whatever comes and goes
_DIGEST_BYTES = 8  # finds mistakes; a forged cursor gains nothing: access is checked anyway


def encode_cursor(after: PageStart, query: JobQuery | BatchQuery) -> str:
    """Encode the place behind ``after`` in the query's list, safe for use in a URL."""
    place = _PLACE.pack(after.time_ms, after.position)
    return urlsafe_b64encode(place + _digest(place, query)).rstrip(b"=").decode()


def decode_cursor(cursor: str, query: JobQuery | BatchQuery) -> PageStart:
    """Decode a cursor.

    Raises:
        ValueError: it belongs to other filters or another order, or is damaged.
    """
    try:
        raw = urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        after = PageStart(*_PLACE.unpack(raw[: _PLACE.size]))
    except (ValueError, struct.error):
        after = None
    if after is None or encode_cursor(after, query) != cursor:
        raise ValueError("must be next of a response with the same filters, sort and order")
    return after


def _digest(place: bytes, query: JobQuery | BatchQuery) -> bytes:
    kind = type(query).__name__
    # All that decides the order and the members of the list.
    facet = query.batch_id if isinstance(query, JobQuery) else query.archived
    listed = msgspec.json.encode([kind, query.sort, query.order, query.status, query.owner, facet])
    return hashlib.blake2b(place + listed, digest_size=_DIGEST_BYTES).digest()
