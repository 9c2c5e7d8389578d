"""Processes for the work that takes long, or that breaks: parsing what strangers wrote.

Each process has one task at a time, so a task that hangs or crashes takes no other one with it.
"""

import asyncio
import importlib
import logging
import multiprocessing
import os
import resource
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import ParamSpec, TypeVar

import msgspec

PROCESSES = 2
TASK_LIMIT = timedelta(seconds=20)
MOST_TASKS = 500  # of one process: parsers leak
MEMORY_BYTES = 2 * 1024**3
PAUSE_S = 1.0
_HEAVY = ("services.processor.extract.cascade", "services.processor.extract.pdf")

P = ParamSpec("P")
T = TypeVar("T")


class TookTooLong(Exception):
    """The task was stopped at its time limit."""


class Broke(Exception):
    """The task raised an exception, or took its process down with it."""


class _Raised(msgspec.Struct, frozen=True):
    """An exception in the other process, as text: not every exception can travel."""

    text: str


class _Worker:
    """One process."""

    def __init__(self, executor: ProcessPoolExecutor, pid: int) -> None:
        self.executor = executor
        self.left = MOST_TASKS
        self._pid = pid

    def kill(self) -> None:
        """End the process, whatever it does."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        self.executor.shutdown(wait=False, cancel_futures=True)


class Pool:
    """A few processes, made anew when they are worn or broken. Open it before use."""

    def __init__(self, processes: int = PROCESSES, limit: timedelta = TASK_LIMIT) -> None:
        self._processes = processes
        self._limit = limit
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        self._starting: set[asyncio.Task[None]] = set()
        self._workers: set[_Worker] = set()

    async def open(self) -> None:
        """Start the processes, and wait until they can work at once."""
        await asyncio.gather(*(self._start() for _ in range(self._processes)))

    def close(self) -> None:
        """End the processes; what is running fails."""
        for task in self._starting:
            task.cancel()
        for worker in self._workers:
            worker.kill()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``function``, a module's, returns; its time limit begins when a process is free.

        Raises:
            TookTooLong, Broke: see there.
        """
        worker = await self._idle.get()
        worker.left -= 1
        reusable = False
        try:
            future = worker.executor.submit(_guarded, partial(function, *args, **kwargs))
            async with asyncio.timeout(self._limit.total_seconds()):
                result = await asyncio.wrap_future(future)
            reusable = worker.left > 0
        except TimeoutError:
            raise TookTooLong(f"not done within {self._limit.total_seconds():g} s") from None
        except BrokenProcessPool:
            raise Broke("the process that worked on it died") from None
        finally:
            if reusable:
                self._idle.put_nowait(worker)
            else:
                self._replace(worker)
        if isinstance(result, _Raised):
            raise Broke(result.text)
        return result

    def _replace(self, worker: _Worker) -> None:
        worker.kill()
        self._workers.discard(worker)
        task = asyncio.create_task(self._start())
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        while True:
            executor = ProcessPoolExecutor(1, mp_context=context, initializer=_begin)
            try:
                pid = await asyncio.wrap_future(executor.submit(_warm))
            except BrokenProcessPool:
                await asyncio.sleep(PAUSE_S)
            else:
                worker = _Worker(executor, pid)
                self._workers.add(worker)
                self._idle.put_nowait(worker)
                return


def _begin() -> None:
    """What the new process does first: it takes no signal of a terminal, and outlives nobody."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError, ValueError):  # not every system has this limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    logging.disable()
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _warm() -> int:
    for module in _HEAVY:
        importlib.import_module(module)
    return os.getpid()


def _guarded(task: Callable[[], T]) -> T | _Raised:
    try:
        return task()
    except Exception as error:  # noqa: BLE001 - parsers raise anything: it is the page's failure
        return _Raised(f"{type(error).__name__}: {error}"[:500])
