"""Ending tasks for certain."""

import asyncio
from typing import Any

_AGAIN_AFTER_S = 0.2


async def cancel_and_wait(*tasks: asyncio.Task[Any]) -> None:
    """Cancel ``tasks``, again and again, until all have ended.

    In Python 3.11 `asyncio.wait_for`, which libraries use (nats-py is one), swallows a cancel that
    comes just when what it waits for is done: the task then goes on as if nothing had happened.
    Whatever the tasks raise is theirs to be asked for.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=_AGAIN_AFTER_S)
