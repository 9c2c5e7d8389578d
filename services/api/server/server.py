"""The web server: uvicorn, on a socket of ours, without signal handlers of its own."""

import asyncio
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from eventjob.runtime.lifecycle import CannotStart, Stop
from eventjob.runtime.logs import Logger
from services.api.server.protocol import Protocol

GRACE_S = 5
MOST_FILES = 16_384


class Server(uvicorn.Server):
    """Uvicorn, which leaves the process's signals alone and says where it listens."""

    def __init__(self, app: ASGIApp, listener: socket.socket, log: Logger) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._listener = listener
        self._log = log

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: whoever runs this service stops it."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept requests from now on."""
        await super().startup(sockets)
        host, port = self._listener.getsockname()[:2]
        self._log.info("api.listening", host=host, port=port)

    async def run_until(self, stop: Stop) -> None:
        """Serve; after ``stop`` what is being answered has 5 s."""
        serving = asyncio.create_task(self.serve([self._listener]))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
            self.should_exit = True
            await serving
        finally:
            stopping.cancel()


def allow_many_connections() -> None:
    """As many open files as may be, 16,384 at most: usual is 1,024, and each client is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any that is free.

    Raises:
        CannotStart: somebody else listens there, or the host is not this machine's.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family)
        # Connections inherit it. Without it, an answer's body waits 40 ms for the ack of its head:
        # asyncio sees to that only where the socket's protocol is named.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        where = f"EVENTJOB_HOST {host}, EVENTJOB_PORT {port}"
        raise CannotStart(f"cannot listen at {where}: {error.strerror}") from error
    return listener
