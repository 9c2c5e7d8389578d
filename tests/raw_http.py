"""HTTP by hand, for what no client library would send."""

import json
import re
import socket
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import unquote

import httpx2

BASE = b"/api/event-job"
JSON = "Content-Type: application/json"
WITHIN_S = 30.0

_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


class RawAnswer(NamedTuple):
    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)


def head(method: str, path: str | bytes, *headers: str | bytes, host: str = "localhost") -> bytes:
    """A request's head; ``path`` is below the base path, or absolute with a host before it."""
    target = path if isinstance(path, bytes) else path.encode()
    lines = [b"%b %b%b HTTP/1.1" % (method.encode(), BASE, target), b"Host: " + host.encode()]
    lines += [line if isinstance(line, bytes) else line.encode("latin-1") for line in headers]
    return b"\r\n".join([*lines, b"", b""])


def with_body(
    method: str, path: str | bytes, body: object, *headers: str | bytes, host: str = "localhost"
) -> bytes:
    """A request with JSON, or with bytes that are said to be some."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    typed = () if any(_is_type(line) for line in headers) else (JSON,)
    return head(method, path, f"Content-Length: {len(data)}", *typed, *headers, host=host) + data


def chunked(path: str, *pieces: bytes) -> bytes:
    """A POST whose length nobody announces."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return head("POST", path, JSON, "Transfer-Encoding: chunked") + body + b"0\r\n\r\n"


def exchange(port: int, sent: bytes) -> RawAnswer:
    """The first answer to these bytes; the server may hang up before it has read them all."""
    with socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(sent)
        return _answer(_received(connection, is_head=sent.startswith(b"HEAD ")))


async def asked(client: httpx2.AsyncClient, sent: bytes) -> RawAnswer:
    """The answer of a client's app, in this process, to such a request."""
    head_, _, body = sent.partition(b"\r\n\r\n")
    first, *lines = head_.split(b"\r\n")
    method, target, _ = first.split(b" ", 2)
    path, _, query = target.partition(b"?")
    fields = (line.partition(b":") for line in lines)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method.decode(),
        "path": unquote(path.decode("latin-1")),
        "raw_path": path,
        "query_string": query,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 5000),
        "headers": [(name.lower(), value.strip(b" \t")) for name, _, value in fields],
    }
    told: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    await client._transport.app(scope, receive, send)
    headers = {name.decode(): value.decode("latin-1") for name, value in told[0]["headers"]}
    return RawAnswer(told[0]["status"], headers, b"".join(m.get("body", b"") for m in told))


def _received(connection: socket.socket, *, is_head: bool) -> bytes:
    data = b""
    while True:
        head_, found, body = data.partition(b"\r\n\r\n")
        length = _LENGTH.search(head_)
        if found and (is_head or (length and len(body) >= int(length[1]))):
            return data
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece


def _answer(data: bytes) -> RawAnswer:
    head_, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head_.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return RawAnswer(int(status.split()[1]), {k.lower(): v for k, v in headers.items()}, body)


def _is_type(line: str | bytes) -> bool:
    text = line if isinstance(line, bytes) else line.encode("latin-1")
    return text.lower().startswith(b"content-type:")
