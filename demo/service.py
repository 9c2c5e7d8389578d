"""`eventjob up` as a child of the demo: ready inside the context, gone after it."""

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
_POLL_S = 0.1
_TAIL_LINES = 20
_FOR_THE_WEB = ("EVENTJOB_FETCH_", "EVENTJOB_CONTACT", "EVENTJOB_ROBOTS")


@contextmanager
def running(data_dir: DataDir, settings: Mapping[str, str]) -> Iterator[Client]:
    """A client of a service that is ready.

    Of the caller's own settings only those count that say how to visit the web: a demo never
    uses somebody's real message bus or database.

    Raises:
        DemoFailed: the service does not start, does not stop, or broke meanwhile.
    """
    client = Client(free_port())
    log_path = data_dir.path / "service.log"
    with (
        log_path.open("w") as log,
        subprocess.Popen(  # noqa: S603 - our own command
            [_command(), "up"],
            env=_environ(data_dir, client.port, settings),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=(data_dir.lock,),  # the folder is in use as long as the service lives
            start_new_session=True,  # Ctrl-C is for the demo, which stops the service in order
        ) as process,
    ):
        try:
            _wait_until_ready(client, process, log_path)
            yield client
        finally:
            _stop(process, log_path)


def _environ(data_dir: DataDir, port: int, settings: Mapping[str, str]) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("EVENTJOB_") or name.startswith(_FOR_THE_WEB)
    }
    own = {
        "EVENTJOB_DATA_DIR": str(data_dir.path),
        "EVENTJOB_PORT": str(port),
        "EVENTJOB_PARENT_PIPE": "0",  # its stdin: the service ends when the demo does, however
    }
    return {**inherited, **settings, **own}


def _wait_until_ready(client: Client, process: subprocess.Popen[bytes], log_path: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while not client.is_ready():
        if process.poll() is not None:
            raise DemoFailed("eventjob up ended before it was ready")  # `_stop` knows why
        if time.monotonic() > deadline:
            raise DemoFailed(f"eventjob up was not ready after {_READY_S} s\n{_tail(log_path)}")
        time.sleep(_POLL_S)


def _stop(process: subprocess.Popen[bytes], log_path: Path) -> None:
    """Ask, wait, and only then insist."""
    try:
        with uninterrupted():
            process.terminate()
            process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise DemoFailed(f"eventjob up did not stop within {_STOP_S} s: killed") from None
    if process.returncode not in {0, -signal.SIGTERM}:  # the latter while it was still starting
        raise DemoFailed(f"eventjob up ended with {process.returncode}\n{_tail(log_path)}")


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Nobody's impatience leaves a service behind."""
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _command() -> Path:
    command = Path(sys.executable).with_name("eventjob")
    if not command.exists():
        raise DemoFailed(f"{command} is not there; run: make setup")
    return command


def free_port() -> int:
    """Of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _tail(log_path: Path) -> str:
    lines = log_path.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    return "\n".join([f"the end of {log_path}:", *(f"  {line}" for line in lines)])
