"""`eventjob up` itself: how it refuses, and how it ends."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.up.data_folder import locked

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
        f"eventjob up: data folder {tmp_path} is used by another eventjob up (pid {os.getpid()})\n"
    )
