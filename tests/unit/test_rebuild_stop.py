"""A rebuild ends when it is told to, also while it waits for events that do not come."""

import asyncio

import pytest
from stores import opened

from services.projector.rebuild.rebuild import GenerationBuilder, Interrupted


class Silent:
    """A log that says it has events, and gives none."""

    async def last_sequence(self):
        return 5

    async def follow(self, _after, _until=None):
        await asyncio.Event().wait()
        yield []


async def test_a_stop_is_heard_while_the_log_is_silent(tmp_path):
    stop = asyncio.Event()
    async with opened("sqlite", tmp_path) as store, asyncio.timeout(10):
        building = GenerationBuilder(Silent(), store, lambda _: None, stop)
        reaching = asyncio.create_task(building.fold_to(5))
        asyncio.get_running_loop().call_later(0.05, stop.set)
        with pytest.raises(Interrupted):
            await reaching
