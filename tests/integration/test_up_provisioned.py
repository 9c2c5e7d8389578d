"""What `up` makes on its bus before it starts the services."""

import os

import pytest

from eventjob.bus.wire.connection import connect
from eventjob.runtime.lifecycle import CannotStart
from services.up.main import provision


def environ(**settings):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("EVENTJOB_")}
    return inherited | {f"EVENTJOB_{name}": value for name, value in settings.items()}


async def test_everything_is_there_afterwards(nats_server, capfd):
    await provision(environ(NATS_URL=nats_server.url))
    connection = await connect(nats_server.url, name="tests")
    try:
        for stream in ("EVENTS", "CMD", "TASKS", "KV_hosts", "KV_leases", "OBJ_snapshots"):
            assert (await connection.jetstream.stream_info(stream)).state.messages == 0
    finally:
        await connection.close()
    assert capfd.readouterr().out == ""  # of `up`, only its own line is expected there


async def test_where_that_fails_it_says_so(capfd):
    with pytest.raises(CannotStart, match="what lasts on the bus could not be made"):
        await provision(environ(NATS_URL="nats://127.0.0.1:9"))
    assert "no NATS server answers at nats://127.0.0.1:9" in capfd.readouterr().err


async def test_without_the_command_nothing_is_tried(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(CannotStart, match="the eventjob command is not installed"):
        await provision(environ())
