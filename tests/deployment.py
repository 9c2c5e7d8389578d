"""`eventjob up` as a process of the tests' own, and a client that talks to it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from commands import ran
from nats_server import free_port

READY_WITHIN_S = 30.0
SERVICES = ("api", "projector", "scheduler", "processor", "archiver")


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class Up:
    """``with Up(folder) as up``: everything on one machine, on a free port."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api/event-job"
        self.root = f"http://127.0.0.1:{self.port}"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("EVENTJOB_")}
        self.environ = {
            **inherited,
            "EVENTJOB_PORT": str(self.port),
            "EVENTJOB_DATA_DIR": str(folder / "data"),
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        assert "nats.denied" not in self.log(), "a service may not do what it needs to"

    def launch(self) -> None:
        """Start it without waiting for anything."""
        with (self.folder / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).with_name("eventjob")), "up"],
                env=self.environ,
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def start(self) -> None:
        """Start it, and wait until it says that it is ready."""
        self.launch()
        line: list[bytes] = []
        assert self.process is not None
        assert self.process.stdout is not None
        reader = threading.Thread(
            target=lambda out: line.append(out.readline()), args=(self.process.stdout,), daemon=True
        )
        reader.start()
        reader.join(READY_WITHIN_S)
        if not line or b"ready" not in line[0]:
            self.stop()
            raise RuntimeError(f"not ready: {line}\n{self.log()[-4000:]}")

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return self.process.returncode

    def ran(self, *arguments: str, **settings: str) -> tuple[int, str, str]:
        """The exit code of a command of eventjob on this deployment, its output and its errors."""
        return ran({**self.environ, **settings}, *arguments)

    def log(self) -> str:
        return (self.folder / "up.log").read_text(errors="replace")

    def children(self) -> dict[str, list[int]]:
        """The processes under `up`, by service."""
        assert self.process is not None
        found: dict[str, list[int]] = {}
        for pid, parent, command in processes():
            if parent == self.process.pid:
                found.setdefault(service_of(command), []).append(pid)
        return found

    def descendants(self) -> list[int]:
        """The processes under `up`, and those under them."""
        assert self.process is not None
        return descendants(self.process.pid)

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz").status == 200
        except OSError:
            return False

    def kill(self, service: str) -> bool:
        """kill -9, as a crash would; whether there was such a process at this moment."""
        for pid in self.children().get(service, []):
            os.kill(pid, signal.SIGKILL)
            return True
        return False

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, None, headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.request("POST", path, body, headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self.request("DELETE", path, None, headers)

    def request(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        base = (
            self.root if path.startswith(("/healthz", "/readyz", "/metrics", "/open")) else self.url
        )
        return exchanged(method, base + path, body, headers)

    def patiently(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """As a client should: again while the service is away or says 503."""
        deadline = time.monotonic() + 60
        while True:
            try:
                answer = self.request(method, path, body, headers)
            except (urllib.error.URLError, ConnectionError, TimeoutError, OSError):
                answer = None
            if answer is not None and answer.status != 503:
                return answer
            assert time.monotonic() < deadline, f"{method} {path}: {answer}"
            time.sleep(0.1)


def exchanged(method: str, url: str, body: Any, headers: Mapping[str, str]) -> Answer:
    """What is answered; the body is JSON unless it is bytes, and headers may have underscores."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if data is not None:
        sent.setdefault("Content-Type", "application/json")
    request = urllib.request.Request(url, data, sent, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Answer(answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), error.read())


def without_pauses(port: int) -> dict[str, str]:
    """Settings under which a site on this machine is visited as fast as it answers."""
    return {
        "EVENTJOB_FETCH_ALLOW": f"127.0.0.1/32:{port}",
        "EVENTJOB_FETCH_DELAY_S": "0",
        "EVENTJOB_FETCH_PER_HOST": "16",
    }


def processes() -> Iterator[tuple[int, int, list[str]]]:
    """(pid, parent, command line) of every process that can be seen."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text()
            command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        yield int(folder.name), int(stat.rsplit(")", 1)[1].split()[1]), command


def descendants(pid: int) -> list[int]:
    """The processes under one, and those under them."""
    found = [pid]
    known = [(pid, parent) for pid, parent, _ in processes()]
    for ancestor in found:
        found += [pid for pid, parent in known if parent == ancestor]
    return found[1:]


def service_of(command: list[str]) -> str:
    if any(part.endswith("nats-server") for part in command):
        return "nats-server"
    return next((part for part in command if part in SERVICES), "other")


def eventually(what: str, within_s: float, check: Callable[[], bool]) -> None:
    """Wait for ``check`` to hold."""
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline, f"{what}: not within {within_s:g} s"
        time.sleep(0.05)
