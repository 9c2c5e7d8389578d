"""HTTP/1.1 of uvicorn with limits: size of a request's head, and read timeouts."""

import asyncio
import math

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from services.api.access.browser import BROWSER_HEADERS
from services.api.response.errors import Problem, error_response

MAX_HEAD_BYTES = 128 * 1024  # approximate: checked after each read
READ_TIMEOUT_S = 30.0  # for a whole head, and between two pieces of a body


class Protocol(HttpToolsProtocol):
    """A connection."""

    # The parser is unlimited, and slows down with the length of a header.
    _head_bytes = 0.0  # of the head that is being read
    # uvicorn waits for ever: a thousand silent clients would keep all others out.
    _timeout: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timeout for the first request."""
        super().connection_made(transport)
        self._start_timeout()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timeout."""
        self._stop_timeout()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the next bytes; refuse a head that is too large."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(f"a request head may have at most {MAX_HEAD_BYTES} bytes")

    def on_message_begin(self) -> None:
        """Start to count the bytes of a head."""
        self._head_bytes = 0
        self._start_timeout()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop counting: the reader of the body limits its size."""
        self._head_bytes = -math.inf
        self._start_timeout()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Restart the timeout for the next piece of the body."""
        self._start_timeout()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the timeout: the response may take longer."""
        self._stop_timeout()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text is for its log
        """Replace uvicorn's response to bytes that it cannot parse."""
        self._refuse("not an HTTP request")

    def _start_timeout(self) -> None:
        self._stop_timeout()
        self._timeout = self.loop.call_later(READ_TIMEOUT_S, self._on_timeout)

    def _on_timeout(self) -> None:
        if self.flow.read_paused:  # the service is slow, not the client
            self._start_timeout()
        else:
            self.transport.close()

    def _stop_timeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()

    def _refuse(self, reason: str) -> None:
        response = error_response(Problem("validation_error", reason))
        response.headers.update({**BROWSER_HEADERS, "Connection": "close"})
        # Written by hand: there may be no parsed request, so no ASGI scope.
        head = b"".join(b"%b: %b\r\n" % header for header in response.raw_headers)
        self.transport.write(STATUS_LINE[400] + head + b"\r\n" + bytes(response.body))
        self.transport.close()
