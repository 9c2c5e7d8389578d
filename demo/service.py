"""Run `eventjob up` as a child of the demo for as long as a context lasts."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from demo import DemoFailed
from demo.client import Client
from demo.data_dir import DataDir

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_READY_S = 60
_STOP_S = 15  # it promises 10
_POLL_S = 0.1  # between looks at /readyz
_TAIL_LINES = 20
_WEB_SETTINGS = ("EVENTJOB_FETCH_", "EVENTJOB_CONTACT", "EVENTJOB_ROBOTS")


@contextmanager
def run_service(data_dir: DataDir, settings: Mapping[str, str]) -> Iterator[Client]:
    """Start a service, and yield a client when it is ready.

    Only the caller's settings for fetching are passed on: a demo must never use a real
    message bus or database.

    Raises:
        DemoFailed: the service failed to start or to stop, or broke meanwhile.
    """
    client = Client(find_free_port())
    log_path = data_dir.path / "service.log"
    with (
        log_path.open("w") as log,
        subprocess.Popen(  # noqa: S603 - our own command
            [_find_command(), "up"],
            env=_build_environ(data_dir, client.port, settings),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=(data_dir.lock,),  # keeps the folder locked while the service lives
            start_new_session=True,  # Ctrl-C is for the demo, which stops the service
        ) as process,
    ):
        try:
            _wait_until_ready(client, process, log_path)
            yield client
        finally:
            _stop(process, log_path)


def _build_environ(data_dir: DataDir, port: int, settings: Mapping[str, str]) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("EVENTJOB_") or name.startswith(_WEB_SETTINGS)
    }
    own = {
        "EVENTJOB_DATA_DIR": str(data_dir.path),
        "EVENTJOB_PORT": str(port),
        "EVENTJOB_PARENT_PIPE": "0",  # its stdin: closes with the demo, even after a crash
    }
    return {**inherited, **settings, **own}  # ``own`` last: nothing may point elsewhere


def _wait_until_ready(client: Client, process: subprocess.Popen[bytes], log_path: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while not client.is_ready():
        if process.poll() is not None:
            raise DemoFailed("eventjob up ended before it was ready")  # `_stop` adds the cause
        if time.monotonic() > deadline:
            raise DemoFailed(f"eventjob up was not ready after {_READY_S} s\n{_log_tail(log_path)}")
        time.sleep(_POLL_S)


def _stop(process: subprocess.Popen[bytes], log_path: Path) -> None:
    """Terminate the service, and kill it after `_STOP_S`."""
    try:
        with ignore_interrupts():
            process.terminate()
            process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise DemoFailed(f"eventjob up did not stop within {_STOP_S} s: killed") from None
    if process.returncode not in {0, -signal.SIGTERM}:  # SIGTERM: it was still starting
        raise DemoFailed(f"eventjob up ended with {process.returncode}\n{_log_tail(log_path)}")


@contextmanager
def ignore_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C inside the block, so that the service is always stopped."""
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _find_command() -> Path:
    command = Path(sys.executable).with_name("eventjob")
    if not command.exists():
        raise DemoFailed(f"{command} is not there; run: make setup")
    return command


def find_free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _log_tail(log_path: Path) -> str:
    lines = log_path.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    return "\n".join([f"the end of {log_path}:", *(f"  {line}" for line in lines)])
