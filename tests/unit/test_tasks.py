"""A task that is to end ends, also where a cancel is swallowed on the way."""

import asyncio

import pytest

from eventjob.runtime.async_tasks import cancel_and_wait


async def deaf(times):
    """Goes on after so many cancels, as a swallowed one lets a task do."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not times:
                raise
            times -= 1


@pytest.mark.parametrize("swallowed", [0, 1, 3])
async def test_a_task_ends_however_often_it_does_not_listen(swallowed):
    tasks = [asyncio.create_task(deaf(swallowed)) for _ in range(3)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await cancel_and_wait(*tasks)
    assert all(task.cancelled() for task in tasks)


async def test_what_has_ended_keeps_what_it_said():
    async def broken():
        raise ValueError("mine")

    task = asyncio.create_task(broken())
    await asyncio.wait({task})
    await cancel_and_wait(task)
    assert str(task.exception()) == "mine"
