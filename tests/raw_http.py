"""HTTP by hand, for what no client library would send."""

import json
import re
import socket
from contextlib import suppress
from typing import Any, NamedTuple

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
