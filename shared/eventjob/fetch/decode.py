"""Content codings, undone in small steps so that no answer can fill the memory."""

import zlib
from collections.abc import Iterator
from typing import Protocol

STEP_BYTES = 64 * 1024

_MOST_MEMBERS = 1000  # of one gzip body; more is an attack on our time
_GZIP_WBITS = 31
_ZLIB_WBITS = 15


class Undecodable(Exception):
    """The body is not what its content coding says."""


class Decoder(Protocol):
    """Undoes one content coding."""

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """What ``raw`` unpacks to, in pieces of at most `STEP_BYTES` (identity: as it came)."""

    def finished(self) -> bool:
        """Whether the body may end here."""


def decoder(coding: str) -> Decoder:
    """The decoder for a Content-Encoding: gzip, deflate, or none.

    Raises:
        Undecodable: any other coding, and any two of them.
    """
    match coding.strip().lower():
        case "" | "identity":
            return Identity()
        case "gzip" | "x-gzip":
            return Inflater(gzip=True)
        case "deflate":
            return Inflater(gzip=False)
        case other:
            raise Undecodable(f"a body encoded as {other[:40]!r}, which nobody asked for")


class Identity:
    """The body as it is on the wire."""

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """``raw`` itself."""
        yield raw

    def finished(self) -> bool:
        """Always: HTTP itself knows where such a body ends."""
        return True


class Inflater:
    """gzip (RFC 1952, several members too), or deflate: zlib's format, or raw as some send it."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._head = b""
        self._stream: zlib._Decompress | None = None
        self._members = 0

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """The next pieces of the body.

        Raises:
            Undecodable: broken, or it goes on after its end.
        """
        data = self._head + raw
        if self._stream is None and len(data) < 2:  # noqa: PLR2004 - a zlib header
            self._head = data
            return
        self._head = b""
        stream = self._stream or self._open(data)
        while True:
            piece = self._step(stream, data)
            if piece:
                yield piece
            data = stream.unused_data.lstrip(b"\0") if stream.eof else stream.unconsumed_tail
            if stream.eof and data:
                stream = self._open(data)
            elif not data and len(piece) < STEP_BYTES:
                return

    def finished(self) -> bool:
        """Nothing came at all, or the packed stream has said that it ends."""
        return self._stream.eof if self._stream is not None else not self._head

    def _open(self, head: bytes) -> "zlib._Decompress":
        self._members += 1
        if self._members > (_MOST_MEMBERS if self._gzip else 1):
            raise Undecodable("a packed body that goes on after its end")
        if self._gzip:
            wbits = _GZIP_WBITS
        else:
            is_zlib = head[0] & 15 == zlib.DEFLATED and int.from_bytes(head[:2]) % 31 == 0
            wbits = _ZLIB_WBITS if is_zlib else -_ZLIB_WBITS
        self._stream = zlib.decompressobj(wbits)
        return self._stream

    @staticmethod
    def _step(stream: "zlib._Decompress", data: bytes) -> bytes:
        try:
            return stream.decompress(data, STEP_BYTES)
        except zlib.error as error:
            raise Undecodable(f"a broken packed body ({error})") from None
