"""The bus that `eventjob rebuild` works with: named, found, or started for the while."""

import asyncio

import pytest

from eventjob.bus.log.log import EventLog
from eventjob.bus.wire.connection import connect_as
from eventjob.runtime.lifecycle import CannotStart, Stop
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import read_settings
from services.up import bus_for_command
from services.up.bus_for_command import reach_bus
from services.up.data_folder import lock_folder
from services.up.nats_server import ServerAddress, configure_server, read_server

WITHIN_S = 20


@pytest.fixture
def environ(tmp_path):
    return {"EVENTJOB_DATA_DIR": str(tmp_path / "data")}


@pytest.fixture
def folder(tmp_path):
    """The data folder of an `up` that is stopped."""
    folder = tmp_path / "data"
    with lock_folder(folder):
        (folder / "nats" / "jetstream").mkdir(parents=True)
    return folder


def borrowed(environ, stop=None):
    return reach_bus(read_settings(environ), environ, stop or Stop())


async def is_there(settings):
    connection = await connect_as("tests", settings.nats, get_logger("tests"))
    try:
        await connection.jetstream.add_stream(name="EVENTS", subjects=["ev.>"])
        return await EventLog(connection).last_sequence() == 0
    finally:
        await connection.close()


async def test_the_bus_that_is_named_is_taken_and_nothing_is_made(environ, nats_server, tmp_path):
    environ["EVENTJOB_NATS_URL"] = nats_server.url
    async with borrowed(environ) as settings:
        assert settings == read_settings(environ)
        assert await is_there(settings)
    assert list(tmp_path.iterdir()) == []


async def test_a_server_is_started_for_the_while_and_found_by_others(environ, folder):
    async with asyncio.timeout(WITHIN_S), borrowed(environ) as settings:
        assert await is_there(settings)
        with pytest.raises(CannotStart, match="is used by another eventjob"), lock_folder(folder):
            pass
        async with borrowed(environ) as found:
            assert found == settings
            assert await is_there(found)
        server = read_server(folder / "nats")
        assert await server.is_answering()
    assert not await server.is_answering()
    with lock_folder(folder):
        pass


async def test_an_error_leaves_no_server_behind(environ, folder):
    with pytest.raises(KeyError):
        async with asyncio.timeout(WITHIN_S), borrowed(environ):
            raise KeyError
    assert not await read_server(folder / "nats").is_answering()


async def test_a_server_that_does_not_answer_is_said_to(environ, folder, monkeypatch):
    monkeypatch.setattr(bus_for_command, "SERVER_TIMEOUT_S", 0.2)
    for write in (lambda: None, lambda: configure_server(folder / "nats", None)):
        write()
        with (
            lock_folder(folder),
            pytest.raises(CannotStart, match="whose nats-server does not answer"),
        ):
            async with borrowed(environ):
                pass


@pytest.mark.parametrize("made", ["folder", "nats"])
async def test_a_folder_without_an_event_log_is_left_alone(environ, tmp_path, made):
    path = tmp_path / "data" / ("nats" if made == "nats" else "")
    path.mkdir(parents=True)
    with pytest.raises(CannotStart, match="there is no event log in data folder"):
        async with borrowed(environ):
            pass
    assert list(path.iterdir()) == []


def test_the_configuration_says_where_its_server_is(tmp_path):
    server = configure_server(tmp_path / "nats", None)
    assert read_server(tmp_path / "nats") == ServerAddress(
        port=server.port, passwords=server.passwords
    )
    server.config.write_text("listen: 4222")
    with pytest.raises(CannotStart, match="lacks the address or the users of its server"):
        read_server(tmp_path / "nats")
    server.config.unlink()
    with pytest.raises(CannotStart, match="cannot be read: No such file"):
        read_server(tmp_path / "nats")
