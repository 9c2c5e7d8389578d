"""`eventjob up` itself: how it refuses, and how it ends."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from eventjob.runtime.lifecycle import Stop
from services.up.address import Address
from services.up.data_folder import locked
from services.up.main import wait_until

EVENTJOB = Path(sys.executable).with_name("eventjob")
READY_WITHIN_S = 30.0
STOPS_WITHIN_S = 10.0


@asynccontextmanager
async def up(folder: Path, port: int = 0) -> AsyncIterator[asyncio.subprocess.Process]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("EVENTJOB_")}
    process = await asyncio.create_subprocess_exec(
        *(EVENTJOB, "up"),
        env={**inherited, "EVENTJOB_DATA_DIR": str(folder), "EVENTJOB_PORT": str(port)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()  # also waits for all that inherited stderr


async def refusal(folder: Path, port: int = 0) -> tuple[int | None, str]:
    async with up(folder, port) as process:
        stdout, stderr = await asyncio.wait_for(process.communicate(), READY_WITHIN_S)
        assert stdout == b""
        return process.returncode, stderr.decode()


async def test_a_port_that_is_taken_is_said_once(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        code, said = await refusal(tmp_path, port)
    assert code == 1
    assert said.endswith(f"cannot listen at 127.0.0.1, port {port}: Address already in use\n")
    assert said.count("\n") == 1


async def test_a_folder_that_is_taken_is_said_once(tmp_path):
    with locked(tmp_path):
        code, said = await refusal(tmp_path)
    assert code == 1
    assert said == (
        f"eventjob up: data folder {tmp_path} is used by another eventjob (pid {os.getpid()})\n"
    )


async def ready(process: asyncio.subprocess.Process) -> Address:
    line = (await asyncio.wait_for(process.stdout.readline(), READY_WITHIN_S)).decode()
    found = re.fullmatch(
        r"eventjob is ready at http://127\.0\.0\.1:(\d+)/api/event-job \(data in (/.+)\)\n", line
    )
    assert found, f"{line!r}, {await process.stderr.read(10_000)!r}"
    return Address("127.0.0.1", int(found[1]))


async def started(process: asyncio.subprocess.Process, child: str) -> int:
    """The process id of ``child``, as soon as the log has it."""
    async with asyncio.timeout(READY_WITHIN_S):
        async for text in process.stderr:
            line = json.loads(text) if text.startswith(b"{") else {}
            if line.get("event") == "child.started" and line["child"] == child:
                return line["pid"]
    raise AssertionError(f"{child} was not started")


def children(parent: int) -> dict[int, list[str]]:
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return {int(pid): Path(f"/proc/{pid}/cmdline").read_text().split("\0") for pid in listed}


@pytest.mark.skipif(sys.platform != "linux", reason="reads command lines from /proc")
async def test_each_service_is_a_process_that_says_its_name_and_stops_in_time(tmp_path):
    async with up(tmp_path) as process:
        await ready(process)
        commands = [line[1:3] for line in children(process.pid).values()]
        process.terminate()
        stdout, _ = await asyncio.wait_for(process.communicate(), STOPS_WITHIN_S)
    services = {"api", "projector", "scheduler", "processor", "archiver"}
    assert {name for script, name in commands if script == str(EVENTJOB)} == services
    assert (process.returncode, stdout) == (0, b"")


@pytest.mark.parametrize("child", ["nats-server", "api"])
async def test_what_is_killed_is_there_again_and_all_is_ready(tmp_path, child):
    async with up(tmp_path) as process:
        pid = await started(process, child)
        address = await ready(process)
        os.kill(pid, signal.SIGKILL)
        assert await started(process, child) != pid
        async with asyncio.timeout(READY_WITHIN_S):
            assert await wait_until(address.is_ready, Stop())


async def test_after_a_kill_nothing_is_left_and_it_starts_again(tmp_path):
    async with up(tmp_path) as process:
        address = await ready(process)
        process.kill()
        async with up(tmp_path, address.port) as successor:
            assert await ready(successor) == address
        # stderr ends when the last of those that inherited it does
        await asyncio.wait_for(process.communicate(), STOPS_WITHIN_S)
