"""A process of the pool, from outside: started, spoken to, killed."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from typing import Self

from eventjob.contracts.base import UNREADABLE
from services.processor.pool import wire

ENDED_WITHIN_S = 1.0  # of hanging up


class HungUp(Exception):
    """The process has ended, or makes no sense."""


class Member:
    """One process, ready to work at once."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.calls = 0
        self.is_busy = False
        self.is_leaving = False  # another is on its way
        self.is_replaced = False  # and there now
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def started(cls) -> Self:
        """A new one; it takes a second or so.

        Raises:
            HungUp: it ended before it was ready; it has said why on standard error.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            process = _process(theirs)
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=wire.LONGEST_BYTES)
        member = cls(process, reader, writer)
        try:
            await member._receive()
        except BaseException:  # also when cancelled
            member.kill()
            raise
        return member

    async def ending(self, call: bytes) -> wire.Ending:
        """What becomes of a call.

        Raises:
            HungUp: nobody knows.
        """
        self.calls += 1
        self._writer.write(wire.framed(call))
        try:
            return wire.endings.decode(await self._receive())
        except UNREADABLE as error:
            raise HungUp(f"the process that worked on it sent nonsense: {error}") from None

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._writer.close()

    async def _receive(self) -> bytes:
        try:
            length = wire.length(await self._reader.readexactly(wire.LENGTH_BYTES))
            if length > wire.LONGEST_BYTES:
                raise HungUp(f"the process that worked on it sent {length} bytes")
            return await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise HungUp(f"the process that worked on it died: {await self._cause()}") from None

    async def _cause(self) -> str:
        try:
            code = await asyncio.to_thread(self._process.wait, ENDED_WITHIN_S)
        except subprocess.TimeoutExpired:
            return "it hung up"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _process(way: socket.socket) -> subprocess.Popen[bytes]:
    """It inherits nothing but its end of the way, and hears no terminal."""
    return subprocess.Popen(  # noqa: S603 - it is ourselves
        [
            *(sys.executable, "-m", "services.processor.pool.process"),
            *(str(os.getpid()), str(way.fileno())),
        ],
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        pass_fds=[way.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
