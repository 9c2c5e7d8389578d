"""The address of the api: free at first, ready later."""

import asyncio
import socket

import msgspec

from eventjob.contracts.paths import BASE_PATH
from eventjob.runtime.lifecycle import CannotStart

ANSWERS_WITHIN_S = 2.0
NO_ANSWER = "the api does not answer"

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up, not bound


class _Answer(msgspec.Struct, frozen=True):
    message: str


class Address(msgspec.Struct, frozen=True):
    """Where the api listens, seen from this machine."""

    host: str
    port: int

    @property
    def authority(self) -> str:
        """The address as a URL has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """What a client is given."""
        return f"http://{self.authority}{BASE_PATH}"

    async def is_ready(self) -> bool:
        """Whether the api answers that it and all behind it are ready."""
        return await self.trouble() is None

    async def trouble(self) -> str | None:
        """Why the api is not ready, in its own words; None when it is."""
        request = f"GET /readyz HTTP/1.1\r\nHost: {self.authority}\r\nConnection: close\r\n\r\n"
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                reader, writer = await asyncio.open_connection(self.host, self.port)
                try:
                    writer.write(request.encode())
                    answer = await reader.read()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return NO_ANSWER
        head, _, body = answer.partition(b"\r\n\r\n")
        return None if head.split()[1:2] == [b"200"] else _message(body)


def _message(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Answer).message
    except msgspec.DecodeError:
        return NO_ANSWER


def free_address(host: str, port: int) -> Address:
    """An address at which nobody listens yet; for port 0 one is chosen.

    Raises:
        CannotStart: somebody does, or this machine has no such address.
    """
    try:
        family, *_, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the api will
            listener.bind(where)
            chosen: int = listener.getsockname()[1]
    except OSError as error:
        raise CannotStart(
            f"EVENTJOB_HOST and EVENTJOB_PORT: cannot listen at {host}, port {port}: "
            f"{error.strerror}"
        ) from error
    return Address(_ANYWHERE.get(host, host), chosen)
