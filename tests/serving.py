"""The api's real server on a real socket, in front of a deployment in memory."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from api_client import context_of
from fakes import QuietLog
from fakes_api import Deployment
from raw_http import JSON

from eventjob.runtime.lifecycle import Stop
from services.api.app import create_app
from services.api.server.server import Server, listen

DEADLINE_S = 30
BASE = "/api/event-job"

Answer = tuple[int, dict[str, str], bytes]


@asynccontextmanager
async def serving(
    deployment: Deployment | None = None, **options: Any
) -> AsyncIterator[tuple[int, QuietLog, Stop]]:
    """A running server; its port, its log, and what stops it."""
    listener, log, stop = listen("127.0.0.1", 0), QuietLog(), Stop()
    app = create_app(context_of(deployment or Deployment(), **options))
    server = Server(app, listener, log)  # type: ignore[arg-type]  # a log as good
    task = asyncio.create_task(server.run_until(stop))
    try:
        yield listener.getsockname()[1], log, stop
    finally:
        stop.set()
        await asyncio.wait_for(task, DEADLINE_S)


async def exchange(port: int, *requests: bytes) -> list[Answer]:
    """The answers to raw requests on one connection, as (status, headers, body)."""
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answers = []
        for request in requests:
            writer.write(request)
            answers.append(await read_answer(reader, is_head=request.startswith(b"HEAD")))
        writer.close()
        await writer.wait_closed()
        return answers


async def statuses(port: int, *requests: bytes) -> list[int]:
    return [status for status, _, _ in await exchange(port, *requests)]


async def read_answer(reader: asyncio.StreamReader, *, is_head: bool = False) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    length = 0 if is_head else int(headers.get("content-length", 0))
    return int(head[0].split()[1]), headers, await reader.readexactly(length)


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """A request as it is on the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def post(path: str, body: object, *headers: str) -> bytes:
    """A POST of JSON below the base path."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sized = f"Content-Length: {len(data)}"
    return request("POST", f"{BASE}{path}", JSON, sized, *headers, body=data)
