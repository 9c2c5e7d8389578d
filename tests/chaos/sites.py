"""The sites whose sessions are fetched: calm, rough, busy, and one that nobody may see."""

import socket
import threading
import time
from contextlib import ExitStack
from typing import Self

from nats_server import free_port
from pages import PAGE, Site

LARGE_BYTES = 1_500_000  # more than the page of 1 MB that is allowed
FEW_VISITS = 2


class CalmSite(Site):
    """Always there: each kind of page ends as `DESERVED` says, whatever happens around it."""

    def respond(self, handler) -> None:
        kind = handler.path.split("/")[1]
        if kind == "slow":
            self.closing.wait(1.5)
        if kind == "drip":
            handler.drip()
        elif kind == "inward":
            handler.redirect(f"{self.trap}{handler.path}")
        elif kind == "broken" or (kind == "flaky" and self.seen[handler.path] <= FEW_VISITS):
            handler.send(500, "text/html", b"<h1>Oh</h1>")
        elif kind == "huge":
            handler.send(200, "text/html", PAGE.encode() + b" " * LARGE_BYTES)
        else:
            super().respond(handler)

    trap = ""


class BusySite(Site):
    """Says of each page, at first, that it has too much to do."""

    def respond(self, handler) -> None:
        if handler.path != "/robots.txt" and self.seen[handler.path] <= FEW_VISITS:
            handler.send_response(429 if self.seen[handler.path] == 1 else 503)
            handler.send_header("Retry-After", "1")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        else:
            super().respond(handler)


class RoughSite(Site):
    """Is slow or dead for a while, as a fault likes."""

    is_dead = False
    is_slow = False

    def respond(self, handler) -> None:
        if self.is_dead:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        if self.is_slow:
            self.closing.wait(2)
        super().respond(handler)


class Trap:
    """A port of this machine that nobody has allowed: counts who connects all the same."""

    def __init__(self) -> None:
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._count, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _count(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()


class Sites:
    """All of them; ``url(kind, name)`` is a session's address."""

    def __init__(self) -> None:
        self.calm = CalmSite()
        self.busy = BusySite("127.0.0.2")  # a host's name is what turns and silences are about
        self.rough = RoughSite("127.0.0.3")
        self.trap = Trap()
        self.calm.trap = self.trap.url
        self._dead_port = free_port()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for site in (self.calm, self.busy, self.rough):
            self._stack.enter_context(site)
        self._stack.callback(self.trap.close)
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.__exit__(*details)

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
