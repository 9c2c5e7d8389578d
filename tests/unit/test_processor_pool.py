import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from fakes_processor import until

from services.processor import pool as pools
from services.processor.pool import Broke, Pool, TookTooLong

WITHIN_S = 30.0


@pytest.fixture
async def pool():
    found = Pool(processes=1, limit=timedelta(seconds=2))
    async with asyncio.timeout(WITHIN_S):
        await found.open()
    yield found
    found.close()


async def test_a_task_runs_in_another_process(pool):
    assert await pool.run(os.getpid) != os.getpid()


async def test_a_task_that_hangs_is_stopped_and_the_next_one_runs(pool):
    before = await pool.run(os.getpid)
    with pytest.raises(TookTooLong, match="not done within 2 s"):
        await pool.run(time.sleep, 60)
    async with asyncio.timeout(WITHIN_S):
        assert await pool.run(os.getpid) != before
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)


async def test_a_task_that_kills_its_process_breaks_and_the_next_one_runs(pool):
    with pytest.raises(Broke, match="died"):
        await pool.run(os._exit, 3)
    async with asyncio.timeout(WITHIN_S):
        assert await pool.run(len, "four") == 4


async def test_what_a_task_raises_is_said(pool):
    with pytest.raises(Broke, match=r"JSONDecodeError: Expecting value"):
        await pool.run(json.loads, "x")


async def test_a_task_that_takes_all_memory_breaks(pool):
    with pytest.raises(Broke, match="MemoryError"):
        await pool.run(bytes, 64 * 1024**3)


async def test_a_task_given_up_does_not_hold_its_process(pool):
    before = await pool.run(os.getpid)
    task = asyncio.create_task(pool.run(time.sleep, 60))
    await until(pool._idle.empty)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(WITHIN_S):
        assert await pool.run(os.getpid) != before


async def test_a_process_is_worn_out_after_many_tasks(pool, monkeypatch):
    monkeypatch.setattr(pools, "MOST_TASKS", 2)
    worker = pool._idle._queue[0]
    worker.left = 1
    before = await pool.run(os.getpid)
    async with asyncio.timeout(WITHIN_S):
        assert await pool.run(os.getpid) != before


async def test_a_process_does_not_mind_the_interrupt_of_a_terminal(pool):
    pid = await pool.run(os.getpid)
    os.kill(pid, signal.SIGINT)
    assert await pool.run(os.getpid) == pid


ORPHANED = """
import asyncio, os, signal
from services.processor.pool import Pool
async def main():
    pool = Pool(processes=1)
    await pool.open()
    print(await pool.run(os.getpid), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


def is_gone(pid: int) -> bool:
    try:
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    except OSError:
        return True


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="the test looks into /proc")
async def test_a_process_does_not_outlive_its_parent():
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ORPHANED, stdout=subprocess.PIPE
    )
    async with asyncio.timeout(WITHIN_S):
        pid, _ = await parent.communicate()
    assert parent.returncode == -signal.SIGKILL
    await until(lambda: is_gone(int(pid)))
