"""What the MongoDB store is tested on: SecantusDB over the wire, or a real MongoDB.

A real one is that of ``EVENTJOB_TEST_MONGO_URL``, an address without a database. Where there is
none, one SecantusDB daemon serves all tests of a run.
"""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from nats_server import free_port
from pymongo import MongoClient

START_WITHIN_S = 20.0

REAL = os.environ.get("EVENTJOB_TEST_MONGO_URL")
DAEMON = Path(sys.executable).with_name("secantusd-py")
KIND = "mongodb" if REAL else "secantusdb"
needs_secantus = pytest.mark.skipif(
    not DAEMON.exists(), reason="SecantusDB is not installed: it is for Linux"
)
needs_mongo = pytest.mark.skipif(
    not REAL and not DAEMON.exists(),
    reason="neither SecantusDB is installed nor EVENTJOB_TEST_MONGO_URL set",
)


class SecantusServer:
    """One daemon that keeps what it acknowledged, on a free port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="eventjob-secantusdb-"))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        command = [str(DAEMON), "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--storage-path", str(self.folder / "data"), "--sync-on-commit"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *options], stdout=log, stderr=log, cwd=self.folder
            )
        deadline = time.monotonic() + START_WITHIN_S
        while self.process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=0.2).close()
                return
            time.sleep(0.02)
        raise RuntimeError((self.folder / "log").read_text()[-2000:])

    def kill(self) -> None:
        """As a crash would: no goodbye."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It neither works nor ends meanwhile; a busy machine takes some 10 ms to stop it."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            _, status = os.waitpid(self.process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str, user: str = "") -> str:
        return f"mongodb://{user}127.0.0.1:{self.port}/{database}?directConnection=true"


_shared: list[SecantusServer] = []
_RUN = uuid4().hex


def url_for(folder: Path) -> str:
    """A test's own database, on the server that all tests share."""
    database = f"eventjob_{sha256(f'{_RUN} {folder}'.encode()).hexdigest()[:24]}"
    if REAL:
        atexit.register(_drop, database)
        return urlunsplit(urlsplit(REAL)._replace(path=f"/{database}"))
    if not _shared:
        server = SecantusServer()
        atexit.register(server.stop)
        server.start()
        _shared.append(server)
    return _shared[0].url(database)


def _drop(database: str) -> None:
    with MongoClient[dict[str, Any]](REAL) as client:
        client.drop_database(database)
