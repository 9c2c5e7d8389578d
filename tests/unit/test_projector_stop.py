"""The projector's looks at its store, and a rebuild that is told to stop."""

import asyncio
import gc
from contextlib import suppress

import pytest
from fakes import QuietLog
from stores import opened

from eventjob.projection.store import StoreMoved, StoreUnavailable
from services.projector import projector
from services.projector.projector import Projector
from services.projector.rebuild.rebuild import GenerationBuilder, Interrupted


class SlowToFail:
    """The first look hears of the fault while the second is still waited for."""

    def __init__(self):
        self.asked = 0
        self._second = asyncio.Event()

    async def checkpoint(self):
        self.asked += 1
        if self.asked % 2:
            self._second.clear()
            await self._second.wait()
        else:
            self._second.set()
            for _turn in range(10):
                await asyncio.sleep(0)
        raise StoreUnavailable("away")


async def test_what_both_hear_of_a_store_is_told_once(monkeypatch):
    monkeypatch.setattr(projector, "CHECK_EVERY_S", 0.01)
    monkeypatch.setattr(projector, "MIN_PAUSE_S", 0.0)
    monkeypatch.setattr(projector, "MAX_PAUSE_S", 0.0)
    unheard, stop, log = [], asyncio.Event(), QuietLog()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    store = SlowToFail()

    async def announce(_said):
        if store.asked >= 6:
            stop.set()

    async with asyncio.timeout(10):
        await Projector(None, store, announce, log).run(stop)
    gc.collect()
    assert unheard == []
    assert [event for _, event, _ in log.lines] == ["projection.stopped"]


class SlowToEnd:
    """A write that was cancelled and, when that is long past, fails."""

    def __init__(self):
        self.is_asked = asyncio.Event()
        self.has_failed = asyncio.Event()

    async def checkpoint(self):
        self.is_asked.set()
        deadline = asyncio.get_running_loop().time() + 0.6  # longer than a cancel is waited for
        while (left_s := deadline - asyncio.get_running_loop().time()) > 0:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(left_s)
        self.has_failed.set()
        raise StoreMoved("another has gone on")


async def test_what_fails_after_the_end_is_no_error():
    unheard, stop = [], asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    store = SlowToEnd()

    async def announce(_said):
        pass

    async with asyncio.timeout(10):
        running = asyncio.create_task(Projector(None, store, announce, QuietLog()).run(stop))
        await store.is_asked.wait()
        stop.set()
        await running
        await store.has_failed.wait()
        await asyncio.sleep(0)
    gc.collect()
    assert unheard == []


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
