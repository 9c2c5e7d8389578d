"""`eventjob up` as a process of the tests' own, and a client that talks to it."""

import copy
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from nats_server import free_port
from process_tree import descendants, processes, service_of

READY_WITHIN_S = 60.0
EVENTJOB = str(Path(sys.executable).with_name("eventjob"))


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class Up:
    """``with Up(folder) as up``: everything on one machine, on a free port.

    Requests are ``user``'s, unless they say otherwise.
    """

    def __init__(self, folder: Path, user: str | None = None, **settings: str) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.data = folder / "data"
        self.who = as_user(user)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api/event-job"
        self.root = f"http://127.0.0.1:{self.port}"
        own = {"EVENTJOB_PORT": str(self.port), "EVENTJOB_DATA_DIR": str(self.data)}
        self.environ = inherited() | own | settings
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        assert "nats.denied" not in self.log(), "a service may not do what it needs to"

    def by(self, user: str | None) -> Self:
        """The same, asked by somebody else."""
        other = copy.copy(self)
        other.who = as_user(user)
        return other

    def launch(self) -> None:
        """Start it without waiting for anything."""
        with (self.folder / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [EVENTJOB, "up"],
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
            target=lambda out: line.extend([out.readline(), out.readline()]),
            args=(self.process.stdout,),
            daemon=True,
        )
        reader.start()
        reader.join(READY_WITHIN_S)
        if not line or b"ready" not in line[1]:
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

    def ran(self, *arguments: object, **settings: str) -> tuple[int, str, str]:
        """The exit code of a command of eventjob on this deployment, its output and its errors."""
        return ran({**self.environ, **settings}, *arguments)

    def did(self, *arguments: object, **settings: str) -> str:
        """What a command says that must end well."""
        code, out, err = self.ran(*arguments, **settings)
        assert code == 0, (arguments, out, err)
        return out

    def begun(self, *arguments: object) -> "subprocess.Popen[str]":
        """A command that runs meanwhile."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([EVENTJOB, *map(str, arguments)], env=self.environ, **pipes)

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

    def servers(self) -> list[int]:
        """Processes in whose command line the data folder is."""
        return [p for p, _, command in processes() if any(str(self.data) in c for c in command)]

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
        return exchanged(method, base + path, body, {**self.who, **headers})

    def submit(self, batch_id: str, jobs: list[Any], **more: Any) -> list[str]:
        """Post a batch; the ids of its jobs, once they are shown."""
        body = {"batch_id": batch_id, "jobs": jobs, **more}
        answer = self.patiently("POST", "/batches", body, Idempotency_Key=batch_id)
        assert answer.status in {201, 202}, answer  # 202: on a machine too busy to show it
        path = f"/batches/{batch_id}"
        eventually("the batch to be shown", 60, lambda: self.get(path).status == 200)
        return answer.json["job_ids"]

    def batch(self, batch_id: str) -> dict[str, Any]:
        return self.patiently("GET", f"/batches/{batch_id}").json["batch"]

    def finish(self, batch_id: str, within_s: float = 120) -> dict[str, Any]:
        """The batch, once none of its jobs is to come."""

        def is_done() -> bool:
            return self.batch(batch_id)["status"] != "processing"

        eventually(f"batch {batch_id}", within_s, is_done)
        return self.batch(batch_id)

    def zip_of(self, batch_id: str) -> Answer:
        """The ZIP of a batch, once it is built."""
        found: list[Answer] = []

        def is_built() -> bool:
            found[:] = [self.patiently("GET", f"/batches/{batch_id}/download-archive")]
            assert found[0].status in {200, 409}, found
            return found[0].status == 200

        eventually(f"the ZIP of {batch_id}", 120, is_built)
        return found[0]

    def patiently(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """As a client should: again while the service is away or says 503."""
        deadline = time.monotonic() + 60
        while True:
            try:
                answer = self.request(method, path, body, headers)
            except OSError:
                answer = None
            if answer is not None and answer.status != 503:
                return answer
            assert time.monotonic() < deadline, f"{method} {path}: {answer}"
            time.sleep(0.1)


def as_user(user: str | None) -> dict[str, str]:
    return {} if user is None else {"X_User_ID": user}


def inherited() -> dict[str, str]:
    """The environment, but for settings of eventjob."""
    return {k: v for k, v in os.environ.items() if not k.startswith("EVENTJOB_")}


def ran(
    environ: Mapping[str, str], *arguments: object, within_s: float = 120
) -> tuple[int, str, str]:
    """The exit code of a command, what it said, and its errors."""
    command = [EVENTJOB, *map(str, arguments)]
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=within_s, check=False
    )
    return done.returncode, done.stdout, done.stderr


def session(url: str, name: str, **more: Any) -> dict[str, Any]:
    """A job: the session ``name``, whose page is at ``url``."""
    known = {"event": "E", "track": "T", "session": name, "url": url, "filename": f"{name}.md"}
    return {"parameters": known | more}


CLOSED = session("http://127.0.0.1:9/closed", "S")  # may not be fetched: it fails


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


def eventually(what: str, within_s: float, check: Callable[[], bool]) -> None:
    """Wait for ``check`` to hold."""
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline, f"{what}: not within {within_s:g} s"
        time.sleep(0.05)
