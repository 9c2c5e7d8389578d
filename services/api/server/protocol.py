"""HTTP/1.1 as uvicorn reads it, with our answers to what is no HTTP, or never ends."""

import asyncio
import math

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from services.api.access.browser import GUARDS
from services.api.response.errors import Problem, error_response

LARGEST_HEAD_BYTES = 128 * 1024  # give or take what is read at once
PATIENCE_S = 30.0  # for a whole head, and for the next bytes of a body


class Protocol(HttpToolsProtocol):
    """A connection.

    The parser has no limit of its own, and takes ever longer for the next piece of a long header.
    Nor has uvicorn for a client that says nothing: a thousand of those, and nobody else gets in.
    """

    _head_bytes = 0.0  # of a request whose head goes on
    _hanging_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there, and should say something."""
        super().connection_made(transport)
        self._await_client()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the next bytes, which may begin or end anywhere."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > LARGEST_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(f"a request's head may have {LARGEST_HEAD_BYTES} bytes at most")

    def on_message_begin(self) -> None:
        """A head begins."""
        self._head_bytes = 0
        self._await_client()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A body may follow, as long as its reader likes."""
        self._head_bytes = -math.inf
        self._await_client()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body; others may follow."""
        self._await_client()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The client has said it all."""
        self._stop_waiting()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text is for its log
        """What uvicorn answers where it cannot make out a request."""
        self._refuse("this is no HTTP request")

    def _await_client(self) -> None:
        self._stop_waiting()
        self._hanging_up = self.loop.call_later(PATIENCE_S, self._hang_up)

    def _hang_up(self) -> None:
        if self.flow.read_paused:  # it is us for whom the client waits
            self._await_client()
        else:
            self.transport.close()

    def _stop_waiting(self) -> None:
        if self._hanging_up is not None:
            self._hanging_up.cancel()

    def _refuse(self, reason: str) -> None:
        answer = error_response(Problem("validation_error", reason))
        answer.headers.update({**GUARDS, "Connection": "close"})
        head = b"".join(b"%b: %b\r\n" % header for header in answer.raw_headers)
        self.transport.write(STATUS_LINE[400] + head + b"\r\n" + bytes(answer.body))
        self.transport.close()
