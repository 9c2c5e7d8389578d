"""NATS and MongoDB to test on: from images where there is Docker, else as processes.

`NATS_IMAGE` and `MONGO_IMAGE` say which images; `make test-containers` sets both.
"""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deployment import eventually
from mongo_server import SecantusServer
from nats_server import NatsServer

READY_WITHIN_S = 60.0
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
from testcontainers.core.container import DockerContainer  # noqa: E402 - it reads os.environ

# the command, where an engine answers
DOCKER = shutil.which("docker")
if DOCKER and subprocess.run([DOCKER, "info"], capture_output=True, check=False).returncode:
    DOCKER = None
IMAGES = {name: os.environ.get(name, "") for name in ("NATS_IMAGE", "MONGO_IMAGE")}


@contextmanager
def nats(folder: Path) -> Iterator[str]:
    """The address of a server with JetStream and without users."""
    if not DOCKER:
        with process(NatsServer()) as server:
            yield server.url
        return
    conf = folder / "nats.conf"
    conf.write_text(NATS_CONF)
    conf.chmod(0o644)
    folder.chmod(0o755)
    made = image("NATS_IMAGE").with_volume_mapping(str(conf), "/etc/eventjob.conf", "ro")
    with container(made.with_command(["-c", "/etc/eventjob.conf"]), 4222, b"INFO") as port:
        yield f"nats://127.0.0.1:{port}"


@contextmanager
def mongo() -> Iterator[str]:
    """The address of a MongoDB, or of what stands in for it, without a database."""
    if not DOCKER:
        with process(SecantusServer()) as server:
            yield server.url("")
        return
    with container(image("MONGO_IMAGE"), 27017, b"") as port:
        yield f"mongodb://127.0.0.1:{port}/?directConnection=true"


@contextmanager
def process(server: Any) -> Iterator[Any]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


def image(name: str) -> DockerContainer:
    assert IMAGES[name], f"{name} is not set: run make test-containers"
    return DockerContainer(IMAGES[name])


@contextmanager
def container(made: DockerContainer, port: int, greeting: bytes) -> Iterator[int]:
    """The port of 127.0.0.1 at which the container answers."""

    def answers() -> bool:
        try:  # Docker's own proxy takes connections before the server does, and drops them
            with socket.create_connection(("127.0.0.1", here), timeout=1) as there:
                return not greeting or there.recv(len(greeting)) == greeting
        except OSError:
            return False

    try:
        made.with_exposed_ports(port).start()
        here = int(made.get_exposed_port(port))
        eventually(made.image, READY_WITHIN_S, answers)
        yield here
    except AssertionError:
        print(*made.get_logs(), sep="\n")
        raise
    finally:
        made.stop()
