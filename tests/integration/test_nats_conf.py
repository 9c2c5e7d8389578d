"""The configuration for a deployment, as a real server reads it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from deployment import eventually
from nats_server import free_port
from test_provision import provision

from eventjob.bus.errors import Unavailable
from eventjob.bus.streams.permissions import USERS
from eventjob.bus.wire.connection import connect

CONF = Path(__file__).parents[2] / "deploy" / "nats" / "nats.conf"


class Deployed:
    """A server on that file, but for where it listens and stores."""

    def __init__(self, folder, text, environ):
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        for was, becomes in {
            '"0.0.0.0:4222"': f'"127.0.0.1:{self.port}"',
            '"127.0.0.1:8222"': f'"127.0.0.1:{free_port()}"',
            '"/data"': f'"{folder}/data"',
        }.items():
            assert was in text
            text = text.replace(was, becomes)
        (folder / "nats.conf").write_text(text)
        self.log = folder / "nats.log"
        with self.log.open("wb") as log:
            binary = str(Path(sys.executable).with_name("nats-server"))
            self.process = subprocess.Popen(
                [binary, "-c", str(folder / "nats.conf")], env=environ, stdout=log, stderr=log
            )

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def passwords(prefix=""):
    return {f"NATS_PASSWORD_{user.upper()}": f"{prefix}{user}1e5" for user in USERS}


@pytest.fixture(params=["environment", "included file"])
def server(request, tmp_path):
    text, environ = CONF.read_text(), {"PATH": os.environ["PATH"]}
    if request.param == "environment":
        environ |= passwords("p")
    else:
        lines = [f'{name}: "{password}"\n' for name, password in passwords("p").items()]
        (tmp_path / "passwords.conf").write_text("".join(lines))
        text = f'include "passwords.conf"\n{text}'
    server = Deployed(tmp_path, text, environ)
    yield server
    server.stop()


async def test_each_user_comes_in_with_its_own_password_alone(server, monkeypatch):
    code, told, errors = 1, "", ""

    def is_provisioned():
        nonlocal code, told, errors
        password = {"NATS_USER": "provision", "NATS_PASSWORD": "pprovision1e5"}
        code, told, errors = provision(NATS_URL=server.url, **password)
        return code == 0

    eventually("provision", 20, is_provisioned)
    assert "EVENTS: created" in told, (errors, server.log.read_text())
    for user in USERS:
        connection = await connect(server.url, name="tests", user=user, password=f"p{user}1e5")
        await connection.close()
    monkeypatch.setattr("eventjob.bus.wire.connection.CONNECT_WITHIN_S", 0.5)
    for user, password in (("api", "pscheduler1e5"), ("nobody", "x"), (None, None)):
        with pytest.raises(Unavailable, match="Authorization Violation"):
            await connect(server.url, name="tests", user=user, password=password)


def test_without_passwords_the_server_does_not_start(tmp_path):
    server = Deployed(tmp_path, CONF.read_text(), {"PATH": os.environ["PATH"]})
    assert server.process.wait(10) != 0
    assert "NATS_PASSWORD_PROVISION" in server.log.read_text()
