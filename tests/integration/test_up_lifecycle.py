"""The life of one process: how it ends, and what it says then."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import asynccontextmanager

import pytest

WITHIN_S = 10.0

# says "up" when it listens to signals, "down" when it ends as it should
SERVICE = """
import asyncio, sys, time
from eventjob.runtime.lifecycle import CannotStart, run_service
from eventjob.runtime.logs import set_up_logs
from eventjob.runtime.settings import SettingsError
set_up_logs("api", "info")
pipe = int(sys.argv[1]) if sys.argv[1:] else None
async def stay(stop): print("up", flush=True); await stop.wait(); print("down", flush=True)
async def linger(stop): await stay(stop); await asyncio.Event().wait()
async def block(stop): print("up", flush=True); time.sleep(60)
async def fall(stop): raise KeyError("a\\nb")
async def refuse(stop): raise CannotStart("no room")
async def object(stop): raise SettingsError("EVENTJOB_X is 'y': expected z")
sys.exit(run_service("api", MAIN, parent_pipe=pipe))
"""


@asynccontextmanager
async def service(main: str, *arguments: str, inherited: Sequence[int] = ()):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SERVICE.replace("MAIN", main), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        pass_fds=inherited,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ending(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    stdout, stderr = await asyncio.wait_for(process.communicate(), WITHIN_S)
    return process.returncode, stdout.decode(), stderr.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_a_service_finish(number):
    async with service("stay") as process:
        assert await process.stdout.readline() == b"up\n"
        process.send_signal(number)
        code, said, logged = await ending(process)
    assert (code, said) == (0, "down\n")
    assert json.loads(logged)["event"] == "service.stopped"


async def test_a_second_signal_ends_it_at_once():
    async with service("linger") as process:
        await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert await process.stdout.readline() == b"down\n"
        process.send_signal(signal.SIGINT)
        assert (await ending(process))[0] == 1


async def test_a_bug_is_one_line_with_its_traceback():
    async with service("fall") as process:
        code, _, logged = await ending(process)
    line = json.loads(logged)
    assert (code, line["level"], line["event"]) == (1, "error", "service.broke")
    assert line["error"] == "KeyError('a\\nb')"
    assert "in fall" in line["traceback"]


@pytest.mark.parametrize(
    ("main", "expected"),
    [
        ("refuse", (1, "", "eventjob api: no room\n")),
        ("object", (2, "", "eventjob api: EVENTJOB_X is 'y': expected z\n")),
    ],
)
async def test_what_a_person_can_put_right_is_plain_text(main, expected):
    async with service(main) as process:
        assert await ending(process) == expected


@pytest.mark.parametrize("main", ["stay", "block"])
async def test_a_service_ends_with_its_parent_whatever_it_does(main):
    reading, writing = os.pipe()
    async with service(main, str(reading), inherited=[reading]) as process:
        os.close(reading)
        assert await process.stdout.readline() == b"up\n"
        os.close(writing)
        code, said, _ = await ending(process)
    assert (code, said) == (1, "")
