"""`eventjob provision`: what it makes, what it says of what is there, and the file it prints."""

from dataclasses import replace
from pathlib import Path

import pytest
from deployment import inherited, ran

from eventjob.bus.buckets import http_cache, leases, objects
from eventjob.bus.streams import topology
from eventjob.runtime.lifecycle import CannotStart
from services.up.main import provision as provisioned

REPOSITORY = Path(__file__).parents[2]
LASTING = ["EVENTS", "CMD", "PARKED", "KV_http", "KV_leases", "OBJ_snapshots"]
DERIVED = ["TASKS", "REPORTS", "KV_hosts"]


def provision(*arguments, **settings):
    """(exit code, output, errors) of the command."""
    chosen = {f"EVENTJOB_{name}": value for name, value in settings.items()}
    return ran(inherited() | chosen, "provision", *arguments)


def test_the_file_for_a_deployment_is_what_the_table_says():
    code, printed, _ = provision("--print-config")
    assert code == 0
    assert (REPOSITORY / "deploy" / "nats" / "nats.conf").read_text() == printed


async def test_it_makes_everything_once(nats_server, connection):
    code, first, errors = provision(NATS_URL=nats_server.url)
    assert code == 0, errors
    consumers = {"CMD": 16, "REPORTS": 16, "TASKS": 2}
    more = {name: f", {count} consumers" for name, count in consumers.items()}
    for name in LASTING + DERIVED:
        assert f"{name}: created{more.get(name, '')}\n" in first
    made = [await connection.jetstream.stream_info(name) for name in LASTING + DERIVED]
    code, second, _ = provision(NATS_URL=nats_server.url)
    assert code == 0
    assert second == first.replace(": created", ": exists")
    again = [await connection.jetstream.stream_info(name) for name in LASTING + DERIVED]
    assert [info.created for info in again] == [info.created for info in made]


async def test_what_is_there_stays_as_it_is_and_is_told_of(nats_server, connection):
    await connection.jetstream.add_stream(replace(http_cache.STREAM, max_bytes=5000))
    await connection.jetstream.add_stream(replace(leases.CONFIG))
    await connection.jetstream.add_stream(replace(topology.EVENTS, allow_direct=False))
    code, told, errors = provision(NATS_URL=nats_server.url)
    assert code == 0, errors
    assert (
        "KV_http: exists\n  differs: max_bytes is 5000, but a new stream would get 268435456"
        in told
    )
    assert (
        "EVENTS: exists\n  differs: allow_direct is False, but a new stream would get True" in told
    )
    assert told.count("differs") == 2
    info = await connection.jetstream.stream_info("KV_http")
    assert info.config.max_bytes == 5000
    assert (await connection.jetstream.stream_info(objects.STREAM)).config.max_bytes == -1


def test_without_a_server_it_says_so():
    code, _, errors = provision()
    assert code == 1
    assert "EVENTJOB_NATS_URL is not set" in errors
    code, _, errors = provision(NATS_URL="nats://127.0.0.1:9")
    assert code == 1
    assert "no NATS server answers at nats://127.0.0.1:9" in errors
    assert "Traceback" not in errors


async def test_up_makes_everything_before_it_starts_the_services(nats_server, connection, capfd):
    await provisioned(inherited() | {"EVENTJOB_NATS_URL": nats_server.url})
    for stream in LASTING + DERIVED:
        assert (await connection.jetstream.stream_info(stream)).state.messages == 0
    assert capfd.readouterr().out == ""  # of `up`, only its own line is expected there


async def test_where_up_cannot_make_it_it_says_so(tmp_path, monkeypatch, capfd):
    with pytest.raises(CannotStart, match="could not create the JetStream streams and buckets"):
        await provisioned(inherited() | {"EVENTJOB_NATS_URL": "nats://127.0.0.1:9"})
    assert "no NATS server answers at nats://127.0.0.1:9" in capfd.readouterr().err
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(CannotStart, match="the eventjob command is not installed"):
        await provisioned(inherited())
