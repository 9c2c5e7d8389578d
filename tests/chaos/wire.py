"""The line between services and bus: understands the client protocol, and repeats and reorders.

A delivery is repeated or held back as a whole; so is a command or report on its way to the server.
What belongs to an atomic batch is left alone: the server takes one in its order or not at all.
"""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from itertools import product
from typing import NamedTuple

CHANCE = 0.2  # of a message, while a fault lasts
HELD_S = 0.15
LINE_BYTES = 1024 * 1024
OURS = tuple(b"%b %b." % pair for pair in product((b"PUB", b"HPUB"), (b"cmd", b"rep")))
_WITH_PAYLOAD = {b"PUB", b"HPUB", b"MSG", b"HMSG"}


class Frame(NamedTuple):
    """One message of the protocol, as it came."""

    head: bytes  # the first line
    payload: bytes

    def is_delivery(self) -> bool:
        """Whether a consumer has delivered it, so that it may come again, or late."""
        return self.head.startswith((b"MSG ", b"HMSG ")) and b" $JS.ACK." in self.head

    def is_publish(self) -> bool:
        """Whether it is a command or a report on its way to the server."""
        is_ours = self.head.startswith(OURS)
        return is_ours and b"Nats-Batch" not in self.payload


async def frames(reader: asyncio.StreamReader) -> AsyncIterator[Frame]:
    """Whole messages, until the connection ends."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n")
            words = head.split()
            has_payload = bool(words) and words[0].upper() in _WITH_PAYLOAD
            payload = await reader.readexactly(int(words[-1]) + 2) if has_payload else b""
            yield Frame(head, payload)


class Wire:
    """``with Wire(port, server_ports)``: passes what it hears on to any server that is there."""

    def __init__(self, port: int, server_ports: Sequence[int]) -> None:
        self.modes: Counter[str] = Counter()  # how many faults of a kind last at present
        self.done: Counter[str] = Counter()
        self._port, self._server_ports = port, server_ports
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Wire":  # noqa: PYI034 - it has no heirs
        self._thread.start()
        serving = asyncio.start_server(
            self._accept, "127.0.0.1", self._port, limit=LINE_BYTES, backlog=100
        )
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> bool:
        """End all connections at once; whether there were any."""
        found = list(self._open)
        for writer in found:
            self._loop.call_soon_threadsafe(writer.transport.abort)
        return bool(found)

    def mistreat(self, how: str, seconds: float) -> bool:
        """Repeat or reorder messages for a while."""
        self._loop.call_soon_threadsafe(self.modes.update, (how,))
        time.sleep(seconds)
        self._loop.call_soon_threadsafe(self.modes.subtract, (how,))
        return True

    async def _end(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes from a client, and what comes to it, until one of both hangs up."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        open_, ways = {writer}, []
        try:
            there, server = await self._server_that_is_there()
            open_.add(server)
            self._open |= open_
            deliveries = self._pass(there, writer, Frame.is_delivery, "delivery")
            publishes = self._pass(reader, server, Frame.is_publish, "publish")
            ways = [asyncio.create_task(way) for way in (deliveries, publishes)]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except (OSError, asyncio.CancelledError):
            pass  # the server is away, or all is over
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._open -= open_
            for one in open_:
                one.transport.abort()
            self._tasks.discard(task)

    async def _server_that_is_there(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        away: OSError = ConnectionRefusedError()
        for port in random.sample(self._server_ports, len(self._server_ports)):
            try:
                return await asyncio.open_connection("127.0.0.1", port, limit=LINE_BYTES)
            except OSError as error:
                away = error
        raise away

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        is_fair: Callable[[Frame], bool],
        what: str,
    ) -> None:
        """Each message: once, or twice, or later than what comes behind it."""
        async for frame in frames(reader):
            message = frame.head + frame.payload
            fair = is_fair(frame)
            if fair and self.modes["reorder"] > 0 and random.random() < CHANCE:
                self.done[f"{what} held back"] += 1
                self._loop.call_later(HELD_S * random.random(), self._late, message, writer)
                continue
            writer.write(message)
            if fair and self.modes["duplicate"] > 0 and random.random() < CHANCE:
                self.done[f"{what} repeated"] += 1
                writer.write(message)
            await writer.drain()

    @staticmethod
    def _late(message: bytes, writer: asyncio.StreamWriter) -> None:
        if not writer.is_closing():
            writer.write(message)
