"""A pool of processes for slow or risky work: parsing untrusted input.

Each process has one task at a time, so a hanging or crashing task hurts no other.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar, TypeVarTuple

from eventjob.contracts.base import UNREADABLE
from services.processor.pool import wire
from services.processor.pool.member import Crashed, Member

PROCESSES = 2
TASK_LIMIT = timedelta(seconds=20)
MAX_CALLS = 2000  # per process: parsers leak
RESTART_PAUSE_S = 1.0  # a process that cannot start must not burn a core

Arguments = TypeVarTuple("Arguments")
T = TypeVar("T")


class TaskTimeout(Exception):
    """The task was killed at its time limit."""


class TaskFailed(Exception):
    """The task raised an exception or crashed its process."""


class Pool:
    """A few processes, replaced when they are worn or broken; call `open` before use."""

    def __init__(self, processes: int = PROCESSES, limit: timedelta = TASK_LIMIT) -> None:
        self._processes = processes
        self._limit = limit
        self._idle: asyncio.Queue[Member] = asyncio.Queue()
        self._starting: set[asyncio.Task[None]] = set()
        self._members: set[Member] = set()

    async def open(self) -> None:
        """Start the processes and wait until they are ready."""
        await asyncio.gather(*(self._start() for _ in range(self._processes)))

    def close(self) -> None:
        """Kill the processes; running tasks fail."""
        for task in self._starting:
            task.cancel()
        for member in self._members:
            member.kill()

    async def run(self, function: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        """Run ``function`` in a free process and return its result.

        Args:
            function: of a module, with annotations; msgspec types and paths can travel.
            arguments: for the function.

        Raises:
            TaskTimeout, TaskFailed: see there.
        """
        outcome = await self._call(wire.encode_call(function, arguments))
        if isinstance(outcome, wire.Raised):
            raise TaskFailed(outcome.text)
        try:
            result: T = wire.decode_result(function, outcome.result)
        except UNREADABLE as error:
            raise TaskFailed(f"the process that worked on it sent nonsense: {error}") from None
        return result

    async def _call(self, request: bytes) -> wire.Outcome:
        member = await self._acquire()
        outcome: wire.Outcome | None = None
        try:
            async with asyncio.timeout(self._limit.total_seconds()):
                outcome = await member.call(request)
        except TimeoutError:
            raise TaskTimeout(f"not done within {self._limit.total_seconds():g} s") from None
        except Crashed as reason:
            raise TaskFailed(str(reason)) from None
        finally:
            self._release(member, is_well=outcome is not None and not outcome.is_worn)
        return outcome

    async def _acquire(self) -> Member:
        while (member := await self._idle.get()).is_replaced:
            pass
        member.is_busy = True
        return member

    def _release(self, member: Member, *, is_well: bool) -> None:
        member.is_busy = False
        if is_well and not member.is_replaced:
            self._idle.put_nowait(member)
            if member.calls == MAX_CALLS:
                member.is_retiring = True
                self._in_background(self._replace(member))
            return
        self._end(member)
        if not member.is_retiring:
            self._in_background(self._start())

    async def _replace(self, member: Member) -> None:
        """Start a successor of ``member``, which works on until that is ready."""
        await self._start()
        member.is_replaced = True
        if not member.is_busy:
            self._end(member)

    def _end(self, member: Member) -> None:
        self._members.discard(member)
        member.kill()

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _start(self) -> None:
        while True:
            try:
                member = await Member.start()
            except Crashed:
                await asyncio.sleep(RESTART_PAUSE_S)
            else:
                self._members.add(member)
                self._idle.put_nowait(member)
                return
