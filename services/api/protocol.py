"""HTTP/1.1 as uvicorn reads it, with our answers to what is no HTTP, or never ends."""

import math

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from services.api.errors import Problem, error_response

LARGEST_HEAD_BYTES = 128 * 1024  # give or take what is read at once


class Protocol(HttpToolsProtocol):
    """A connection.

    The parser has no limit of its own, and takes ever longer for the next piece of a long header.
    """

    _head_bytes = 0.0  # of a request whose head goes on

    def data_received(self, data: bytes) -> None:
        """Parse the next bytes, which may begin or end anywhere."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > LARGEST_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(f"a request's head may have {LARGEST_HEAD_BYTES} bytes at most")

    def on_message_begin(self) -> None:
        """A head begins."""
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A body may follow, as long as its reader likes."""
        self._head_bytes = -math.inf
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text is for its log
        """What uvicorn answers where it cannot make out a request."""
        self._refuse("this is no HTTP request")

    def _refuse(self, reason: str) -> None:
        answer = error_response(Problem("validation_error", reason))
        headers = [*answer.raw_headers, (b"connection", b"close")]
        head = b"".join(b"%b: %b\r\n" % header for header in headers)
        self.transport.write(STATUS_LINE[400] + head + b"\r\n" + bytes(answer.body))
        self.transport.close()
