"""Space on the disk, the heartbeat, workspaces, and tasks that have to end."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eventjob.runtime import lifecycle
from eventjob.runtime.async_tasks import cancel_and_wait
from eventjob.runtime.disk_space import DiskSpace
from eventjob.runtime.lifecycle import touch_heartbeat
from eventjob.runtime.workspace import workspace


def test_a_folder_that_is_not_here_has_room(tmp_path):
    assert not DiskSpace(tmp_path / "elsewhere", 2**62).is_short()
    assert DiskSpace(tmp_path, 2**62).is_short()


def test_the_disk_is_looked_at_once_a_second():
    free, now, looks = [100], [0.0], []

    def free_bytes(folder):
        looks.append(folder)
        return free[0]

    space = DiskSpace(Path("data"), 50, clock=lambda: now[0], free_bytes=free_bytes)
    assert not space.is_short()
    free[0] = 49
    assert not space.is_short()
    now[0] = 1.0
    assert space.is_short()
    assert looks == [Path("data")] * 2


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


KILLED = """
import os, signal, sys
from pathlib import Path
from eventjob.runtime.workspace import workspace
with workspace(Path(sys.argv[1])) as folder:
    (folder / "left").write_text("over")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_workspace_is_gone_at_its_end(tmp_path):
    with workspace(tmp_path / "work") as folder:
        (folder / "file").write_text("x")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_workspace_is_gone_also_where_the_work_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), workspace(tmp_path):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode < 0
    assert [path.read_text() for path in tmp_path.rglob("left")] == ["over"]
    with workspace(tmp_path) as folder:
        assert list(folder.iterdir()) == []
        assert list(tmp_path.rglob("left")) == []


def test_the_workspace_of_a_living_process_is_left_alone(tmp_path):
    with workspace(tmp_path) as first:
        (first / "mine").write_text("x")
        with workspace(tmp_path) as second:
            assert first != second
        assert (first / "mine").read_text() == "x"


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
