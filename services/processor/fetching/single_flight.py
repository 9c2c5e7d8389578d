"""What many ask for at a time is made once, and remembered for a while."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Answers by name, of which the ``most`` that were asked for last are kept.

    Args:
        most: how many.
        clock: monotonic seconds.
    """

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._making: dict[str, asyncio.Task[tuple[T, timedelta]]] = {}

    async def get(
        self, name: str, make: Callable[[], Coroutine[Any, Any, tuple[T, timedelta]]]
    ) -> T:
        """The answer, and what ``make`` raises; that is asked for it, and for how long it holds.

        It works on for those who still wait where one of them gives up.
        """
        kept = self._kept.get(name)
        if kept is not None and kept[0] > self._clock():
            self._kept.move_to_end(name)
            return kept[1]
        making = self._making.get(name)
        if making is None:
            making = asyncio.create_task(make())
            self._making[name] = making
            making.add_done_callback(lambda task: self._made(name, task))
        answer, _ = await asyncio.shield(making)
        return answer

    def _made(self, name: str, task: asyncio.Task[tuple[T, timedelta]]) -> None:
        del self._making[name]
        if task.cancelled() or task.exception() is not None:
            return
        answer, holds = task.result()
        self._kept[name] = (self._clock() + holds.total_seconds(), answer)
        self._kept.move_to_end(name)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
