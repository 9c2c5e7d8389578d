"""Servers on loopback that answer as they like: each is one function over a connection."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from ipaddress import ip_address
from pathlib import Path

import pytest

from eventjob.fetch.addresses import AddressGuard, parse_allowances
from eventjob.fetch.client import PAGE, Fetcher, FetchResult
from eventjob.fetch.errors import FetchFailed

Answer = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """What a test may know of a server: where it is, and what came to it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connections = 0
        self.requests: list[str] = []  # heads, as they came

    @property
    def allowance(self) -> str:
        return f"127.0.0.1/32:{self.port}"

    def url(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        return [head.split(" ")[1] for head in self.requests]


@asynccontextmanager
async def serving(
    answer: Answer,
    *,
    requests_per_connection: int = 1,
    head_end: bytes = b"\r\n\r\n",
    **options: object,
) -> AsyncIterator[Server]:
    """A server that reads a request head, answers, and closes."""
    open_connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        task = asyncio.current_task()
        open_connections.add(task)
        task.add_done_callback(open_connections.discard)
        try:
            for _ in range(requests_per_connection):
                request = (await reader.readuntil(head_end)).decode()
                server.requests.append(request)
                await answer(request, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client hung up, or the test is over
        finally:
            writer.close()

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, **options)
    server = Server(listener.sockets[0].getsockname()[1])
    try:
        yield server
    finally:
        listener.close()
        for task in list(open_connections):
            task.cancel()
        await asyncio.gather(*open_connections)
        await listener.wait_closed()


def head(status: int = 200, **fields: object) -> bytes:
    """The head of an answer; ``content_type`` becomes ``Content-Type``."""
    lines = [f"HTTP/1.1 {status} {'OK' if status < 400 else 'Nope'}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def fixed(body: bytes = b"hello", status: int = 200, **fields: object) -> Answer:
    """Always the same whole answer."""

    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(head(status, content_length=len(body), **fields) + body)

    return answer


def raw(*pieces: bytes) -> Answer:
    """Exactly these bytes."""

    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return answer


def endless(start: bytes, piece: bytes = b"", pause_s: float = 0.0) -> Answer:
    """``start``, then ``piece`` for ever, with pauses; nothing for ever where it is empty."""

    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        await writer.drain()
        while piece:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        await asyncio.Event().wait()

    return answer


def routed(answers: Mapping[str, Answer]) -> Answer:
    """One answer for each path, 404 for all others."""
    otherwise = fixed(status=404)

    async def answer(request: str, writer: asyncio.StreamWriter) -> None:
        await answers.get(request.split(" ")[1], otherwise)(request, writer)

    return answer


def resolving(**hosts: str | list[str]) -> Callable[[str], Awaitable[list[object]]]:
    """A resolver that knows ``hosts`` (``a_b`` stands for ``a.b``); a list is used up in turn.

    Several addresses of one answer are separated by spaces.
    """

    async def resolve(host: str) -> list[object]:
        known = hosts.get(host.replace(".", "_"))
        if known is None:
            raise OSError(f"no such host: {host}")
        answer = known if isinstance(known, str) else known.pop(0)
        return [ip_address(address) for address in answer.split()]

    return resolve


class OpenGate:
    """Lets everything pass, and remembers it."""

    def __init__(self, forbidden: str = "") -> None:
        self.before_urls: list[str] = []
        self.connected_urls: list[str] = []
        self.afters: list[tuple[str, int, dict[str, str]]] = []
        self._forbidden = forbidden

    async def before_request(self, url: str) -> None:
        if self._forbidden and self._forbidden in url:
            raise FetchFailed("disallowed", f"{url} is forbidden")
        self.before_urls.append(url)

    async def on_connected(self, url: str) -> None:
        self.connected_urls.append(url)

    async def after_request(self, url: str, status: int, headers: Mapping[str, str]) -> None:
        self.afters.append((url, status, dict(headers)))

    @property
    def statuses(self) -> list[int]:
        return [status for _, status, _ in self.afters]


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()  # slow to make


@asynccontextmanager
async def fetching(allow: str = "", **options: object) -> AsyncIterator[Fetcher]:
    """A fetcher that may connect to ``allow`` besides the open web."""
    guard = AddressGuard(parse_allowances(allow))
    options.setdefault("tls", _tls())
    fetcher = Fetcher(guard=guard, user_agent="eventjob-test/1", **options)
    try:
        yield fetcher
    finally:
        await fetcher.close()


async def fetched(fetcher: Fetcher, url: str, directory: Path, **options: object) -> FetchResult:
    """What a fetch of ``url`` brings, as a page through an open gate unless said otherwise."""
    usual = {"caps": PAGE, "gate": OpenGate(), "directory": directory}
    return await fetcher.fetch(url, **{**usual, **options})


async def failure(fetcher: Fetcher, url: str, directory: Path, **options: object) -> FetchFailed:
    """Why the fetch of ``url`` fails, as it must, leaving no file behind."""
    with pytest.raises(FetchFailed) as caught:
        await fetched(fetcher, url, directory, **options)
    assert files_in(directory) == []
    return caught.value


async def fetched_of(answer: Answer, directory: Path, **options: object) -> FetchResult:
    """What a fetch of a server's one answer brings."""
    async with serving(answer) as site, fetching(site.allowance) as fetcher:
        return await fetched(fetcher, site.url(), directory, **options)


async def failure_of(answer: Answer, directory: Path, **options: object) -> FetchFailed:
    """Why it fails."""
    async with serving(answer) as site, fetching(site.allowance) as fetcher:
        return await failure(fetcher, site.url(), directory, **options)


def files_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]
