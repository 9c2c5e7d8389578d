"""The product's services as processes of their own, on a bus that is somebody else's."""

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from deployment import READY_WITHIN_S, Up, eventually

from eventjob.bus.streams.permissions import PROVISION

ONE_EACH = ("api", "projector", "scheduler", "processor", "archiver")
GRACE_S = 10.0


class Apart(Up):
    """``with Apart(folder, services, **settings) as up``: as `Up`, each service by itself.

    ``settings_of`` gives what each kind of service is told about the bus, and what the commands
    are, as ``provision``. Several of a kind are told apart by a number: ``scheduler-2``.
    """

    def __init__(
        self,
        folder: Path,
        services: tuple[str, ...] = ONE_EACH,
        *,
        settings_of: Callable[[str], Mapping[str, str]],
        **settings: str,
    ) -> None:
        super().__init__(folder, **settings)
        self._settings_of = settings_of
        self._services = services
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def launch(self) -> None:
        (self.folder / "data").mkdir(exist_ok=True)
        for name in self._services:
            self.start_service(name)

    def start(self) -> None:
        try:
            self.launch()
            eventually("readiness", READY_WITHIN_S, self.is_ready)
        except BaseException:
            self.stop()
            raise

    def start_service(self, name: str) -> None:
        script, service = Path(sys.executable).with_name("eventjob"), name.partition("-")[0]
        own = {**self._settings_of(service), "EVENTJOB_INSTANCE": name}
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, str(script), service],
                env={**self.environ, **own},
                cwd=self.folder,
                stderr=log,
            )

    def run(self, *arguments: str) -> str:
        """What a command of `eventjob` prints, as who may do everything; it must end well."""
        code, out, err = self.ran(*arguments, **self._settings_of(PROVISION))
        assert code == 0, (arguments, out, err)
        return out

    def kill(self, service: str) -> bool:
        process = self._running.pop(service)
        process.kill()
        process.wait()
        return True

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

    def log_of(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def has_ended(self) -> list[str]:
        """Services that are no more, though nobody has asked them to end."""
        return [name for name, process in self._running.items() if process.poll() is not None]
