"""The part of a file that a client asks for.

Source: RFC 9110, 14.1 and 14.2. Several ranges at once are answered with the whole file, which
the RFC allows.
"""

import re

import msgspec

_SINGLE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)


class Span(msgspec.Struct, frozen=True):
    """The bytes from ``start`` to before ``end``."""

    start: int
    end: int


class NotSatisfiable(Exception):
    """The range lies outside the file."""


def requested(header: str | None, size_bytes: int) -> Span | None:
    """The bytes that a Range header asks for; None for the whole file.

    Raises:
        NotSatisfiable: none of them exists.
    """
    found = _SINGLE.fullmatch(header) if header else None
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size_bytes - int(last)), size_bytes
    else:
        start, end = int(first), min(int(last) + 1 if last else size_bytes, size_bytes)
        if last and int(last) < start:
            return None  # no range at all, says the RFC: to be ignored
    if start >= end:
        raise NotSatisfiable
    return Span(start, end)
