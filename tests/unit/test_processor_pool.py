import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pool_tasks as tasks
import pytest
from fakes_processor import until

from services.processor.pool import pool as pools
from services.processor.pool.pool import Pool, TaskFailed, TaskTimeout

WITHIN_S = 30.0


@pytest.fixture
async def pool():
    found = Pool(processes=1, limit=timedelta(seconds=2))
    async with asyncio.timeout(WITHIN_S):
        await found.open()
    yield found
    found.close()


async def next_pid(pool):
    async with asyncio.timeout(WITHIN_S):
        return await pool.run(tasks.pid)


async def test_arguments_and_results_travel_as_they_are_annotated(pool):
    found = await pool.run(tasks.look, Path("/a"), [1, 2])
    assert found == tasks.Found(Path("/a/found"), (1, 2))
    assert (await pool.run(tasks.look, Path("/a"), [1, 2], 3)).sizes == (3, 6)


async def test_a_task_that_hangs_is_stopped_and_the_next_one_runs(pool):
    before = await pool.run(tasks.pid)
    with pytest.raises(TaskTimeout, match="not done within 2 s"):
        await pool.run(tasks.sleep, 60)
    assert await next_pid(pool) != before
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)


BREAKS = [
    (tasks.fail, ("no title",), "ValueError: no title", True),
    (tasks.text, (9_000_000,), "its result has 90000.. bytes", True),
    (tasks.lie, (), "Expected `int`, got `str`", True),
    (tasks.leave, (3,), "died: exit code 3", False),
    (tasks.crash, (), "died: SIGSEGV", False),
    (tasks.take, (1000,), "MemoryError", False),
    (tasks.babble, (b"\0\0\0\3abc",), "sent nonsense", False),
    (tasks.babble, (b"\xff\xff\xff\xff",), "sent 4294967295 bytes", False),
]


async def test_a_task_that_breaks_says_why_and_the_next_one_runs(pool):
    before = await pool.run(tasks.pid)
    for task, arguments, reason, survives in BREAKS:
        with pytest.raises(TaskFailed, match=reason):
            await pool.run(task, *arguments)
        after = await next_pid(pool)
        assert (after == before) == survives, reason
        before = after


async def test_a_process_that_has_grown_too_much_ends(pool):
    before = await pool.run(tasks.pid)
    await pool.run(tasks.keep, 10)
    assert await pool.run(tasks.pid) == before
    await pool.run(tasks.keep, 30)
    assert await next_pid(pool) != before


async def test_a_task_given_up_does_not_hold_its_process(pool):
    before = await pool.run(tasks.pid)
    task = asyncio.create_task(pool.run(tasks.sleep, 60))
    await until(pool._idle.empty)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await next_pid(pool) != before


async def test_a_worn_process_works_until_another_is_ready(pool, monkeypatch):
    monkeypatch.setattr(pools, "MAX_CALLS", 2)
    before = [await pool.run(tasks.pid) for _ in range(3)]
    assert len(set(before)) == 1
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(*pool._starting)
    assert await pool.run(tasks.pid) not in before
    with pytest.raises(ProcessLookupError):
        os.kill(before[0], 0)


async def test_a_process_that_breaks_while_another_is_on_its_way_is_replaced_once(
    pool, monkeypatch
):
    monkeypatch.setattr(pools, "MAX_CALLS", 1)
    await pool.run(tasks.pid)
    with pytest.raises(TaskFailed):
        await pool.run(tasks.leave, 3)
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(*pool._starting)
    assert len(pool._members) == 1


async def test_a_process_has_no_secrets_no_sockets_and_minds_no_interrupt_of_a_terminal(pool):
    pid = await pool.run(tasks.pid)
    environ, descriptors, session = await pool.run(tasks.surroundings)
    assert set(environ) <= {"PYTHONPATH", "LC_CTYPE"}  # the second is Python's own
    assert len(descriptors) == 1
    assert session == pid != os.getpid()
    os.kill(pid, signal.SIGINT)
    assert await pool.run(tasks.pid) == pid


ORPHANED = """
import asyncio, os, signal
from services.processor.pool.pool import Pool
import pool_tasks
async def main():
    pool = Pool(processes=1)
    await pool.open()
    print(await pool.run(pool_tasks.pid), flush=True)
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
        sys.executable, "-c", ORPHANED, stdout=subprocess.PIPE, cwd=Path(tasks.__file__).parent
    )
    async with asyncio.timeout(WITHIN_S):
        pid, _ = await parent.communicate()
    assert parent.returncode == -signal.SIGKILL
    await until(lambda: is_gone(int(pid)))
