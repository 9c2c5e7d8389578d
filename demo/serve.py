"""The sample conference's web server, on loopback.

``python -m demo.serve HOST PORT`` serves it on any host until it is stopped.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

SITE = Path(__file__).parent / "site"

_TYPES = {".csv": "text/csv", ".js": "text/javascript", ".vtt": "text/vtt", ".webm": "video/webm"}
_POLL_S = 0.05  # between checks for the shutdown
_IDLE_S = 5


@contextmanager
def serve_site(folder: Path = SITE) -> Iterator[int]:
    """Serve ``folder`` on 127.0.0.1 inside the context, and yield the port."""
    with _Server(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, args=(_POLL_S,), daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as inherited
        """Ignore clients that hang up; report anything else."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, **_TYPES}
    timeout = _IDLE_S  # of a keep-alive connection

    def guess_type(self, path: Any) -> str:  # noqa: ANN401 - as inherited
        """Return the media type, with UTF-8 as the charset of text."""
        kind = super().guess_type(path)
        return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind

    def list_directory(self, path: Any) -> None:  # noqa: ANN401, ARG002 - as inherited
        """Answer 404: folders are served by their index page only."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Discard the line: the screen belongs to the demo."""


def main() -> None:
    """Serve at the host and port of the command line."""
    host, port = sys.argv[1:]
    with _Server((host, int(port)), partial(_Handler, directory=str(SITE))) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
