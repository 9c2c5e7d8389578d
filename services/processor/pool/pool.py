"""Processes for the work that takes long, or that breaks: parsing what strangers wrote.

Each process has one task at a time, so a task that hangs or crashes takes no other one with it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar, TypeVarTuple

from eventjob.contracts.base import UNREADABLE
from services.processor.pool import wire
from services.processor.pool.member import HungUp, Member

PROCESSES = 2
TASK_LIMIT = timedelta(seconds=20)
MOST_CALLS = 2000  # of one process: parsers leak
PAUSE_S = 1.0

Arguments = TypeVarTuple("Arguments")
T = TypeVar("T")


class TookTooLong(Exception):
    """The task was stopped at its time limit."""


class Broke(Exception):
    """The task raised an exception, or took its process down with it."""


class Pool:
    """A few processes, made anew when they are worn or broken. Open it before use."""

    def __init__(self, processes: int = PROCESSES, limit: timedelta = TASK_LIMIT) -> None:
        self._processes = processes
        self._limit = limit
        self._idle: asyncio.Queue[Member] = asyncio.Queue()
        self._starting: set[asyncio.Task[None]] = set()
        self._members: set[Member] = set()

    async def open(self) -> None:
        """Start the processes, and wait until they can work at once."""
        await asyncio.gather(*(self._start() for _ in range(self._processes)))

    def close(self) -> None:
        """End the processes; what is running fails."""
        for task in self._starting:
            task.cancel()
        for member in self._members:
            member.kill()

    async def run(self, function: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        """What ``function`` returns; its time limit begins when a process is free.

        Args:
            function: a module's. Its annotations say what travels: values that msgspec knows,
                and paths.
            arguments: of it.

        Raises:
            TookTooLong, Broke: see there.
        """
        ending = await self._ending(wire.call(function, arguments))
        if isinstance(ending, wire.Raised):
            raise Broke(ending.text)
        try:
            result: T = wire.result_of(function, ending.result)
        except UNREADABLE as error:
            raise Broke(f"the process that worked on it sent nonsense: {error}") from None
        return result

    async def _ending(self, call: bytes) -> wire.Ending:
        member = await self._free_one()
        ending: wire.Ending | None = None
        try:
            async with asyncio.timeout(self._limit.total_seconds()):
                ending = await member.ending(call)
        except TimeoutError:
            raise TookTooLong(f"not done within {self._limit.total_seconds():g} s") from None
        except HungUp as reason:
            raise Broke(str(reason)) from None
        finally:
            self._give_back(member, is_well=ending is not None and not ending.is_worn)
        return ending

    async def _free_one(self) -> Member:
        while (member := await self._idle.get()).is_replaced:
            pass
        member.is_busy = True
        return member

    def _give_back(self, member: Member, *, is_well: bool) -> None:
        member.is_busy = False
        if is_well and not member.is_replaced:
            self._idle.put_nowait(member)
            if member.calls == MOST_CALLS:
                member.is_leaving = True
                self._soon(self._relieve(member))
            return
        self._end(member)
        if not member.is_leaving:
            self._soon(self._start())

    async def _relieve(self, member: Member) -> None:
        """Put a new one in the place of ``member``, which goes on until that is ready."""
        await self._start()
        member.is_replaced = True
        if not member.is_busy:
            self._end(member)

    def _end(self, member: Member) -> None:
        self._members.discard(member)
        member.kill()

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _start(self) -> None:
        while True:
            try:
                member = await Member.started()
            except HungUp:
                await asyncio.sleep(PAUSE_S)
            else:
                self._members.add(member)
                self._idle.put_nowait(member)
                return
