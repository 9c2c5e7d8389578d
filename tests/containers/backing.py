"""NATS and MongoDB to test on: from images where there is Docker, else as processes.

`NATS_IMAGE` and `MONGO_IMAGE` say which images; `make test-containers` sets both.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployment import Up
from mongo_server import SecantusServer
from nats_server import NatsServer

READY_WITHIN_S = 60.0
DELAY_S = 0.2  # between two requests to the compose deployment's site: a batch takes some time
NATS_CONF = """
listen: "0.0.0.0:4222"
jetstream { store_dir: "/tmp/js", sync_interval: always }
max_payload: 8MB
"""
# Ryuk, which cleans up after tests that were killed, is an image to pull; and where these tests
# are in a container themselves, what they start is beside them, and not inside.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
if Path("/.dockerenv").exists():
    os.environ.setdefault("TESTCONTAINERS_CONNECTION_MODE", "docker_host")
    os.environ.setdefault("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")


def docker() -> str | None:
    """The command, where an engine answers."""
    command = shutil.which("docker")
    if (
        command is None
        or subprocess.run([command, "info"], capture_output=True, check=False).returncode
    ):
        return None
    return command


from testcontainers.core.container import DockerContainer  # noqa: E402 - it reads os.environ

DOCKER = docker()
IMAGES = {name: os.environ.get(name, "") for name in ("NATS_IMAGE", "MONGO_IMAGE")}


@contextmanager
def nats(folder: Path) -> Iterator[str]:
    """The address of a server with JetStream and without users."""
    if not DOCKER:
        server = NatsServer()
        server.start()
        try:
            yield server.url
        finally:
            server.stop()
        return
    conf = folder / "nats.conf"
    conf.write_text(NATS_CONF)
    conf.chmod(0o644)
    folder.chmod(0o755)
    with container("NATS_IMAGE", 4222) as made:
        made.with_volume_mapping(str(conf), "/etc/eventjob.conf", "ro")
        made.with_command(["-c", "/etc/eventjob.conf"])
        yield f"nats://127.0.0.1:{started(made, 4222)}"


@contextmanager
def mongo() -> Iterator[str]:
    """The address of a MongoDB, or of what stands in for it, without a database."""
    if not DOCKER:
        server = SecantusServer()
        try:
            server.start()
            yield server.url("")
        finally:
            server.stop()
        return
    with container("MONGO_IMAGE", 27017) as made:
        yield f"mongodb://127.0.0.1:{started(made, 27017)}/?directConnection=true"


@contextmanager
def container(name: str, port: int) -> Iterator[DockerContainer]:
    assert IMAGES[name], f"{name} is not set: run make test-containers"
    made = DockerContainer(IMAGES[name]).with_exposed_ports(port)
    try:
        yield made
    finally:
        made.stop()


def started(made: DockerContainer, port: int) -> int:
    """The port of 127.0.0.1 at which the container now answers."""
    made.start()
    here = int(made.get_exposed_port(port))
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        try:  # Docker's own proxy takes connections before the server does, and drops them
            with socket.create_connection(("127.0.0.1", here), timeout=1) as there:
                there.settimeout(1.0)
                if port == 27017 or there.recv(4) == b"INFO":
                    return here
        except OSError:
            pass
        time.sleep(0.1)
    out, err = made.get_logs()
    raise RuntimeError(f"{made.image} is not ready: {(out + err)[-2000:]!r}")


class Deployed(Up):
    """Talks to a deployment that is not its own to start and stop."""

    def __init__(self, port):
        self.port = port
        self.root = f"http://127.0.0.1:{port}"
        self.url = f"{self.root}/api/event-job"
        self.who = {}
