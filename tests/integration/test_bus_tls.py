"""The bus behind TLS, by an authority of one's own."""

import asyncio
import json
import shutil
import subprocess

import pytest
from bus_users import UsersServer, password_of
from fakes import QuietLog
from test_provision import provision

from eventjob.bus.errors import Unavailable
from eventjob.bus.wire.connection import connect_as
from eventjob.runtime.settings import Nats, read_settings

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A folder with ca.pem, and server.pem and server.key for 127.0.0.1."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make certificates with")
    folder = tmp_path_factory.mktemp("tls")

    def make(*arguments):
        subprocess.run(
            [openssl, "req", "-x509", *CURVE, *arguments],
            cwd=folder,
            check=True,
            capture_output=True,
        )

    make("-subj", "/CN=ours", "-keyout", "ca.key", "-out", "ca.pem")
    of_ca = ("-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE")
    name = ("-subj", "/CN=nats", "-addext", "subjectAltName=IP:127.0.0.1")
    make(*of_ca, *name, "-keyout", "server.key", "-out", "server.pem")
    make("-subj", "/CN=others", "-keyout", "others.key", "-out", "others.pem")
    return folder


@pytest.fixture(scope="module")
def server(authority):
    pair = f'cert_file: "{authority}/server.pem", key_file: "{authority}/server.key"'
    server = UsersServer(f"tls {{ {pair} }}\n")
    server.url = server.url.replace("nats://", "tls://")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def settings(server, authority, tmp_path):
    """Of `provision`, without the prefix."""
    (tmp_path / "password").write_text(password_of("provision") + "\n")
    return {
        "NATS_URL": server.url,
        "NATS_USER": "provision",
        "NATS_PASSWORD_FILE": str(tmp_path / "password"),
        "NATS_CA_FILE": str(authority / "ca.pem"),
    }


async def connected(settings):
    told = {f"EVENTJOB_{name}": value for name, value in settings.items()}
    return await connect_as("tests", read_settings(told).nats, QuietLog())


async def test_whoever_knows_the_authority_comes_in(settings):
    code, told, errors = provision(**settings)
    assert code == 0, errors
    assert "EVENTS: created" in told
    connection = await connected(settings)
    try:
        assert (await connection.jetstream.stream_info("EVENTS")).state.messages == 0
        assert connection.client._transport._io_writer.get_extra_info("ssl_object") is not None
    finally:
        await connection.close()


@pytest.mark.parametrize("ca", ["", "others.pem"])
async def test_a_server_that_nobody_vouches_for_is_refused(settings, authority, monkeypatch, ca):
    monkeypatch.setattr("eventjob.bus.wire.connection.CONNECT_WITHIN_S", 1)
    settings["NATS_CA_FILE"] = str(authority / ca) if ca else ""
    with pytest.raises(Unavailable, match="certificate verify failed"):
        await connected(settings)


async def test_a_server_of_another_name_is_refused(settings, monkeypatch):
    monkeypatch.setattr("eventjob.bus.wire.connection.CONNECT_WITHIN_S", 1)
    settings["NATS_URL"] = settings["NATS_URL"].replace("127.0.0.1", "localhost")
    with pytest.raises(Unavailable, match="certificate verify failed: Hostname mismatch"):
        await connected(settings)


async def test_no_password_goes_to_a_server_without_tls(settings, monkeypatch):
    """As somebody in between would do: take TLS out of what the server says of itself."""
    monkeypatch.setattr("eventjob.bus.wire.connection.CONNECT_WITHIN_S", 1)
    sent = bytearray()

    async def greet(reader, writer):
        info = {"version": "2.14.0", "max_payload": 1, "auth_required": True, "headers": True}
        writer.write(b"INFO " + json.dumps(info).encode() + b"\r\n")
        while data := await reader.read(4096):
            sent.extend(data)
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        settings["NATS_URL"] = f"tls://127.0.0.1:{port}"
        with pytest.raises(Unavailable, match="tls:// was asked for, but the server has no TLS"):
            await connected(settings)
    assert bytes(sent) == b""


async def test_a_file_that_holds_no_certificate_is_named(settings, tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    nats = Nats(url=settings["NATS_URL"], user=None, password=None, ca=empty, replicas=1)
    with pytest.raises(Unavailable, match=f"EVENTJOB_NATS_CA_FILE: {empty} holds no certificate"):
        await connect_as("tests", nats, QuietLog())
