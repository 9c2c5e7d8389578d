"""The api's address: checked to be free at the start, asked for readiness later."""

import asyncio
import socket

import msgspec

from eventjob.contracts.paths import BASE_PATH
from eventjob.runtime.lifecycle import CannotStart

RESPONSE_TIMEOUT_S = 2.0
NO_ANSWER = "the api does not answer"

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up, not bound


class _Problem(msgspec.Struct, frozen=True):
    message: str


class Address(msgspec.Struct, frozen=True):
    """The api's address, as this machine reaches it."""

    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host and port as in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The base URL for clients."""
        return f"http://{self.authority}{BASE_PATH}"

    async def is_ready(self) -> bool:
        """True if the api reports that it and all it depends on are ready."""
        return await self.find_problem() is None

    async def find_problem(self) -> str | None:
        """Return the reason why the api is unready, in its own words; None if it is ready."""
        request = f"GET /readyz HTTP/1.1\r\nHost: {self.authority}\r\nConnection: close\r\n\r\n"
        try:
            async with asyncio.timeout(RESPONSE_TIMEOUT_S):
                reader, writer = await asyncio.open_connection(self.host, self.port)
                try:
                    writer.write(request.encode())
                    response = await reader.read()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return NO_ANSWER
        head, _, body = response.partition(b"\r\n\r\n")
        return None if head.split()[1:2] == [b"200"] else _read_message(body)


def _read_message(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Problem).message
    except msgspec.DecodeError:
        return NO_ANSWER


def find_free_address(host: str, port: int) -> Address:
    """Return a free address, at any port for 0; raise `CannotStart` if there is none."""
    try:
        family, *_, address_info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the api will do
            probe.bind(address_info)
            bound_port: int = probe.getsockname()[1]
    except OSError as error:
        raise CannotStart(
            f"EVENTJOB_HOST and EVENTJOB_PORT: cannot listen at {host}, port {port}: "
            f"{error.strerror}"
        ) from error
    return Address(_LOOPBACK.get(host, host), bound_port)
