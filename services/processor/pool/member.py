"""A process of the pool, seen from the parent: start, call, kill."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from typing import Self

from eventjob.contracts.base import UNREADABLE
from services.processor.pool import wire

EXIT_WITHIN_S = 1.0  # after closing the channel


class Crashed(Exception):
    """The process has ended, or has sent garbage."""


class Member:
    """One process, ready for a call."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.calls = 0
        self.is_busy = False
        self.is_retiring = False  # its successor is starting
        self.is_replaced = False  # its successor is ready
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls) -> Self:
        """Start a process, which takes about a second.

        Raises:
            Crashed: it ended before it was ready; its standard error says why.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            process = _start_process(theirs)
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=wire.MAX_BYTES)
        member = cls(process, reader, writer)
        try:
            await member._receive()
        except BaseException:  # also when cancelled
            member.kill()
            raise
        return member

    async def call(self, request: bytes) -> wire.Outcome:
        """Send a call and return its outcome; raise `Crashed` if that is lost."""
        self.calls += 1
        self._writer.write(wire.frame(request))
        try:
            return wire.outcome_decoder.decode(await self._receive())
        except UNREADABLE as error:
            raise Crashed(f"the process that worked on it sent nonsense: {error}") from None

    def kill(self) -> None:
        """Kill the process, whatever it does."""
        self._process.kill()
        self._process.wait()  # reap it: no zombies
        self._writer.close()

    async def _receive(self) -> bytes:
        try:
            length = wire.frame_length(await self._reader.readexactly(wire.LENGTH_BYTES))
            if length > wire.MAX_BYTES:
                raise Crashed(f"the process that worked on it sent {length} bytes")
            return await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Crashed(f"the process that handled it died: {await self._cause()}") from None

    async def _cause(self) -> str:
        try:
            code = await asyncio.to_thread(self._process.wait, EXIT_WITHIN_S)
        except subprocess.TimeoutExpired:
            return "it hung up"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _start_process(channel: socket.socket) -> subprocess.Popen[bytes]:
    """Start it with an empty environment, its channel as only descriptor, and no terminal."""
    return subprocess.Popen(  # noqa: S603 - it is ourselves
        [
            *(sys.executable, "-m", "services.processor.pool.process"),
            *(str(os.getpid()), str(channel.fileno())),
        ],
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},  # no secrets
        pass_fds=[channel.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # so Ctrl-C reaches only the parent
    )
