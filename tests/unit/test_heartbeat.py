"""Whoever watches the file sees whether the event loop turns."""

import asyncio
import time

import pytest

from eventjob.runtime import lifecycle
from eventjob.runtime.lifecycle import touch_heartbeat


async def touched_again(file):
    before = file.stat().st_mtime_ns
    async with asyncio.timeout(5):
        while file.stat().st_mtime_ns == before:
            await asyncio.sleep(0.01)


async def test_the_file_is_touched_again_and_again_but_not_by_a_loop_that_is_stuck(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(lifecycle, "HEARTBEAT_EVERY_S", 0.02)
    file = tmp_path / "alive"
    async with touch_heartbeat(file):
        await touched_again(file)
        await touched_again(file)
        before = file.stat().st_mtime_ns
        time.sleep(0.2)  # noqa: ASYNC251 - that is what is meant
        assert file.stat().st_mtime_ns == before
        await touched_again(file)
    before = file.stat().st_mtime_ns
    await asyncio.sleep(0.1)
    assert file.stat().st_mtime_ns == before


async def test_a_file_that_cannot_be_written_is_said_at_the_start(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        async with touch_heartbeat(tmp_path / "nowhere" / "alive"):
            pass


async def test_without_a_file_nothing_happens(tmp_path):
    async with touch_heartbeat(None):
        await asyncio.sleep(0)
    assert list(tmp_path.iterdir()) == []
