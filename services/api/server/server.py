"""The web server: uvicorn on a given socket."""

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

SHUTDOWN_GRACE_S = 5
MAX_OPEN_FILES = 16_384


class Server(uvicorn.Server):
    """Uvicorn that leaves signals to the process and logs its address."""

    def __init__(self, app: ASGIApp, listener: socket.socket, log: Logger) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Protocol,
                ws="none",
                lifespan="off",  # the process opens and closes the ports itself
                log_config=None,  # the process has set up logging
                access_log=False,
                proxy_headers=False,  # forged addresses would evade the rate limits
                server_header=False,
                timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
            )
        )
        self._listener = listener
        self._log = log

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process, which stops the server."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept requests, and log the address."""
        await super().startup(sockets)
        host, port = self._listener.getsockname()[:2]
        self._log.info("api.listening", host=host, port=port)

    async def run_until(self, stop: Stop) -> None:
        """Serve until ``stop``; then requests in progress have 5 s to finish."""
        serving = asyncio.create_task(self.serve([self._listener]))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
            self.should_exit = True
            await serving
        finally:
            stopping.cancel()


def raise_file_limit() -> None:
    """Raise the limit of open files, one for each client, to 16,384 or what is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket; port 0 picks a free port.

    Raises:
        CannotStart: the port is in use, or the host is not an address of this machine.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family)
        # Inherited by connections. Without it, a response's body waits 40 ms for the ack of its
        # head; asyncio sets it only if the socket names its protocol.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        where = f"EVENTJOB_HOST {host}, EVENTJOB_PORT {port}"
        raise CannotStart(f"cannot listen at {where}: {error.strerror}") from error
    return listener
