"""Single-flight cache with expiry."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Loads each value at most once at a time, and caches it.

    Args:
        max_entries: size of the cache; the least recently used entry is dropped.
        clock: monotonic seconds.
    """

    def __init__(self, max_entries: int, clock: Callable[[], float]) -> None:
        self._max_entries = max_entries
        self._clock = clock
        self._cache: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._running: dict[str, asyncio.Task[tuple[T, timedelta]]] = {}

    async def get(
        self, key: str, load: Callable[[], Coroutine[Any, Any, tuple[T, timedelta]]]
    ) -> T:
        """Return the value of ``key``, cached or loaded; raises what ``load`` raises.

        ``load`` returns a value and its lifetime.
        """
        entry = self._cache.get(key)
        if entry is not None and entry[0] > self._clock():
            self._cache.move_to_end(key)
            return entry[1]
        task = self._running.get(key)
        if task is None:
            task = asyncio.create_task(load())
            self._running[key] = task
            task.add_done_callback(lambda task: self._finish(key, task))
        value, _ = await asyncio.shield(task)  # a caller that gives up must not stop the others
        return value

    def _finish(self, key: str, task: asyncio.Task[tuple[T, timedelta]]) -> None:
        del self._running[key]
        if task.cancelled() or task.exception() is not None:
            return
        value, lifetime = task.result()
        self._cache[key] = (self._clock() + lifetime.total_seconds(), value)
        self._cache.move_to_end(key)
        if len(self._cache) > self._max_entries:
            self._cache.popitem(last=False)
