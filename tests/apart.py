"""The product's services as processes of their own, beside an `up` or on another's bus."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from deployment import EVENTJOB, READY_WITHIN_S, Up, eventually
from process_tree import SERVICES

from eventjob.bus.streams.permissions import PROVISION
from services.up.nats_server import read_server

GRACE_S = 10.0


class Apart(Up):
    """``with Apart(folder, services, settings_of=…) as up``: as `Up`, each service by itself.

    ``settings_of`` gives what each kind of service is told about the bus, and what the commands
    are, as ``provision``. Several of a kind are told apart by a number: ``scheduler-2``.
    """

    def __init__(
        self, *args, services=SERVICES, settings_of: Callable[[str], Mapping[str, str]], **settings
    ) -> None:
        super().__init__(*args, **settings)
        self._settings_of = settings_of
        self._services = services
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def launch(self) -> None:
        self.data.mkdir(exist_ok=True)
        for name in self._services:
            service = name.partition("-")[0]
            own = {**self._settings_of(service), "EVENTJOB_INSTANCE": name}
            self._running[name] = launched(self, service, name, **own)

    def start(self) -> None:
        try:
            self.launch()
            eventually("readiness", READY_WITHIN_S, self.is_ready)
        except BaseException:
            self.stop()
            raise

    def did(self, *arguments: object, **settings: str) -> str:
        """As who may do everything."""
        return super().did(*arguments, **self._settings_of(PROVISION), **settings)

    def stop(self) -> int:
        """The number of services that did not end by themselves, and well."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        failed = 0
        for process in self._running.values():
            try:
                failed += process.wait(GRACE_S) != 0
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                failed += 1
        self._running.clear()
        return failed

    def log(self) -> str:
        return "".join(file.read_text(errors="replace") for file in self.folder.glob("*.log"))

    def has_ended(self) -> list[str]:
        """Services that are no more, though nobody has asked them to end."""
        return [name for name, process in self._running.items() if process.poll() is not None]


def launched(up: Up, service: str, name: str, **settings: str) -> "subprocess.Popen[bytes]":
    """A process of a service, whose log is ``name``'s."""
    with (up.folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, EVENTJOB, service],
            env={**up.environ, **settings},
            cwd=up.folder,
            stderr=log,
        )


class Second:
    """Another process of a service that is up."""

    def __init__(self, up: Up, service: str, **settings: str) -> None:
        bus = read_server(up.data / "nats").settings(service)
        own = {**bus, "EVENTJOB_INSTANCE": "second", **settings}
        self._log = up.folder / f"second-{service}.log"
        self._service = service
        self.process = launched(up, service, f"second-{service}", **own)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def parts(self) -> list[str]:
        return parts(self._log.read_text(), self._service)


@contextmanager
def second(up: Up, service: str, **settings: str) -> Iterator[Second]:
    """A second one, killed at the end."""
    process = Second(up, service, **settings)
    try:
        yield process
    finally:
        process.kill()


def parts(log: str, role: str) -> list[str]:
    """What a process owns, as it said last."""
    lines = [json.loads(line) for line in log.splitlines() if '"leases.changed"' in line]
    return next((line["parts"] for line in lines[::-1] if line["role"] == role), [])
