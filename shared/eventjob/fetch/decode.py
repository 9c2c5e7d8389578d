"""Decode content codings in small steps, so that even a bomb stays small in memory."""

import zlib
from collections.abc import Iterator
from typing import Protocol

STEP_BYTES = 64 * 1024

_MAX_MEMBERS = 1000  # per gzip body; more would only burn CPU time
_GZIP_WBITS = 31
_ZLIB_WBITS = 15


class Undecodable(Exception):
    """The body contradicts its content coding."""


class Decoder(Protocol):
    """Decodes one content coding."""

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """Yield what ``raw`` decodes to, in pieces of at most `STEP_BYTES` (identity: as it is)."""

    def is_finished(self) -> bool:
        """True if the body may end here."""


def make_decoder(coding: str) -> Decoder:
    """Return the decoder of a Content-Encoding: gzip, deflate or identity.

    Raises:
        Undecodable: any other coding, or several of them.
    """
    match coding.strip().lower():
        case "" | "identity":
            return Identity()
        case "gzip" | "x-gzip":
            return Inflater(gzip=True)
        case "deflate":
            return Inflater(gzip=False)
        case other:
            raise Undecodable(f"a body encoded as {other[:40]!r}, which was not requested")


class Identity:
    """Passes the body through unchanged."""

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """Yield ``raw``."""
        yield raw

    def is_finished(self) -> bool:
        """Always true: HTTP itself frames such a body."""
        return True


class Inflater:
    """Decodes gzip (RFC 1952, several members) or deflate (zlib's format, or raw deflate)."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._head = b""
        self._stream: zlib._Decompress | None = None
        self._members = 0

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """Yield the next pieces; raise `Undecodable` for broken data, or data after the end."""
        data = self._head + raw
        if self._stream is None and len(data) < 2:  # noqa: PLR2004 - a zlib header
            self._head = data
            return
        self._head = b""
        stream = self._stream or self._open_member(data)
        while True:
            piece = self._inflate_step(stream, data)
            if piece:
                yield piece
            data = stream.unused_data.lstrip(b"\0") if stream.eof else stream.unconsumed_tail
            if stream.eof and data:
                stream = self._open_member(data)
            elif not data and len(piece) < STEP_BYTES:
                return

    def is_finished(self) -> bool:
        """True if the compressed stream has ended, or the body is empty."""
        return self._stream.eof if self._stream is not None else not self._head

    def _open_member(self, head: bytes) -> "zlib._Decompress":
        self._members += 1
        if self._members > (_MAX_MEMBERS if self._gzip else 1):
            raise Undecodable("a packed body that goes on after its end")
        if self._gzip:
            wbits = _GZIP_WBITS
        else:
            is_zlib = head[0] & 15 == zlib.DEFLATED and int.from_bytes(head[:2]) % 31 == 0
            wbits = _ZLIB_WBITS if is_zlib else -_ZLIB_WBITS
        self._stream = zlib.decompressobj(wbits)
        return self._stream

    @staticmethod
    def _inflate_step(stream: "zlib._Decompress", data: bytes) -> bytes:
        try:
            return stream.decompress(data, STEP_BYTES)
        except zlib.error as error:
            raise Undecodable(f"a broken packed body ({error})") from None
