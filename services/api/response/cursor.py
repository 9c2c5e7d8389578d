"""Cursors: where a page of a list begins, as clients carry it from one page to the next.

Not secret and not trusted: it names a place in the list, and what may be seen there is decided
as for any other page.
"""

import hashlib
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from eventjob.projection.store import BatchQuery, JobQuery, PageStart

_PLACE = struct.Struct(">qq")
_DIGEST_BYTES = 8


def cursor_to(after: PageStart, query: JobQuery | BatchQuery) -> str:
    """The place behind ``after`` in the list that the query is a page of; safe in an address."""
    place = _PLACE.pack(after.time_ms, after.position)
    return urlsafe_b64encode(place + _digest(place, query)).rstrip(b"=").decode()


def place_of(cursor: str, query: JobQuery | BatchQuery) -> PageStart:
    """Where the cursor points to.

    Raises:
        ValueError: it was made for another order or other filters, or is damaged.
    """
    try:
        sent = urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        after = PageStart(*_PLACE.unpack(sent[: _PLACE.size]))
    except (ValueError, struct.error):
        after = None
    if after is None or cursor_to(after, query) != cursor:
        raise ValueError("must be the next of an answer with the same filters, sort and order")
    return after


def _digest(place: bytes, query: JobQuery | BatchQuery) -> bytes:
    """Of the place and of what decides the order and the members of the list."""
    kind = type(query).__name__
    facet = query.batch_id if isinstance(query, JobQuery) else query.archived
    listed = msgspec.json.encode([kind, query.sort, query.order, query.status, query.owner, facet])
    return hashlib.blake2b(place + listed, digest_size=_DIGEST_BYTES).digest()
