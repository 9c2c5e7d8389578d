"""Cancel asyncio tasks reliably."""

import asyncio
from typing import Any

_AGAIN_AFTER_S = 0.2


async def cancel_and_wait(*tasks: asyncio.Task[Any]) -> None:
    """Cancel ``tasks`` repeatedly until all have ended.

    In Python 3.11 `asyncio.wait_for`, which nats-py uses, swallows a cancel that comes just as the
    awaited thing is done: the task goes on. Exceptions of the tasks stay with the tasks.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=_AGAIN_AFTER_S)
