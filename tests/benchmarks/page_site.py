"""A site of session pages as a process of its own, as cheap as can be: prints its port.

Pages of 4 KB are under ``/2030/event/``, small ones under ``/small/``; there is no robots.txt.
With an argument, each answer takes as many seconds: a site that is far away.
"""

import asyncio
import os
import sys

from adapter_pages import page
from pages import PAGE

_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\r\n"
_AWAY_S = float(sys.argv[1]) if sys.argv[1:] else 0.0
_NONE = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n"


class Answers(asyncio.Protocol):
    """Answers the requests of one connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._heard = b""

    def data_received(self, data: bytes) -> None:
        *requests, self._heard = (self._heard + data).split(b"\r\n\r\n")
        for request in requests:
            path = request.split(b" ", 2)[1].decode()
            if _AWAY_S:
                asyncio.get_running_loop().call_later(_AWAY_S, self._answer, path)
            else:
                self._answer(path)

    def _answer(self, path: str) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer(path))


def answer(path: str) -> bytes:
    folder, _, name = path.strip("/").rpartition("/")
    if folder == "2030/event":
        body = page(name)
    elif folder == "small":
        body = PAGE.format(title=name.replace("-", " "), slides="").encode()
    else:
        return _NONE
    return _HEAD.format(len(body)).encode() + body


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(os.read, int(os.environ["EVENTJOB_PARENT_PIPE"]), 1)


if __name__ == "__main__":
    asyncio.run(main())
