"""The sites whose sessions are fetched: calm, rough, busy, and one that is not allowed."""

import socket
import threading
import time
from contextlib import ExitStack, suppress
from typing import Self

from nats_server import free_port
from pages import PAGE, Site

LARGE_BYTES = 1_500_000  # more than the page of 1 MB that is allowed
FEW_VISITS = 2


class TrialSite(Site):
    """Each kind of page ends as `DESERVED` says, whatever happens around it.

    The site is slow or dead for a while, as a fault likes.
    """

    trap = ""
    is_dead = False
    is_slow = False

    def respond(self, handler) -> None:
        if self.is_slow:
            self.closing.wait(2)
        if self.is_dead:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        visits = self.seen[handler.path]
        match handler.path.split("/")[1]:
            case "drip":
                handler.drip()
            case "inward":
                handler.redirect(f"{self.trap}{handler.path}")
            case "huge":
                handler.send(200, "text/html", PAGE.encode() + b" " * LARGE_BYTES)
            case "busy" if visits <= FEW_VISITS:
                handler.send_response(429 if visits == 1 else 503)
                for name, value in (("Retry-After", "1"), ("Content-Length", "0")):
                    handler.send_header(name, value)
                handler.end_headers()
            case "broken":
                handler.send(500, "text/html", b"<h1>Oh</h1>")
            case "flaky" if visits <= FEW_VISITS:
                handler.send(500, "text/html", b"<h1>Oh</h1>")
            case kind:
                self.closing.wait(1.5 if kind == "slow" else 0)
                super().respond(handler)


class Trap:
    """A port of this machine that is not allowed: counts who connects all the same."""

    def __init__(self) -> None:
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.close = self._listener.close
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                connection.close()


class Sites(ExitStack):
    """All of them; ``url(kind, name)`` is a session's address."""

    def __init__(self) -> None:
        super().__init__()
        self.calm = TrialSite()
        self.busy = TrialSite("127.0.0.2")  # a host's name is what turns and silences are about
        self.rough = TrialSite("127.0.0.3")
        self.trap = Trap()
        self.calm.trap = self.trap.url
        self._dead_port = free_port()

    def __enter__(self) -> Self:
        for site in (self.calm, self.busy, self.rough):
            self.enter_context(site)
        self.callback(self.trap.close)
        return self

    @property
    def allowance(self) -> str:
        ports = (self.calm.port, self.busy.port, self.rough.port, self._dead_port)
        return ",".join(f"127.0.0.0/29:{port}" for port in ports)

    def url(self, kind: str, name: str) -> str:
        hosts = {
            "busy": self.busy.url,
            "rough": self.rough.url,
            "dead": f"http://127.0.0.1:{self._dead_port}",
            "private": self.trap.url,
        }
        return f"{hosts.get(kind, self.calm.url)}/{kind}/{name}"

    def be(self, what: str, seconds: float) -> bool:
        """The rough site is dead, or slow, for a while."""
        setattr(self.rough, f"is_{what}", True)
        try:
            time.sleep(seconds)
        finally:
            setattr(self.rough, f"is_{what}", False)
        return True
