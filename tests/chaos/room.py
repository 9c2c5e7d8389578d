"""The set-up: every service as a process of its own, most of them twice, and what they stand on."""

import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from deployment import EVENTJOB, eventually, inherited, ran
from mongo_server import DAEMON
from nats_server import free_port

from chaos.bus import Bus
from chaos.door import Door
from chaos.keeper import Keeper, Kept
from chaos.sites import Sites
from chaos.wire import Wire

DISK_MB = 512
READY_WITHIN_S = 120.0
TWICE = ("api", "projector", "scheduler", "processor")
SERVICES = (*(f"{name}-{n}" for name in TWICE for n in (1, 2)), "archiver-1")
BIN = Path(sys.executable).parent
CLOCKS = Path(__file__).parent / "clocks"
GAVE_UP_WITHIN_S = 2.0
GAVE_UP = ("JetStream Shutdown", "ritical write error")
ZEROS = bytes(64 * 1024)


class Room(ExitStack):
    """``with Room() as room``: all is up. The folder with the logs stays where something failed."""

    def __init__(self, servers: int = 1) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="eventjob-chaos-"))
        self.disk = self.folder / "disk"
        self.keeper = Keeper()
        self.sites = Sites()
        self.has_own_disk = False
        self.keeps_folder = True
        self.restarted = 0  # servers of the bus that a full disk had ended
        self._mongo_port, wire_port = free_port(), free_port()
        self.bus = Bus(servers, f"nats://127.0.0.1:{wire_port}")
        self.wire = Wire(wire_port, self.bus.ports)
        self._api_ports = {"api-1": free_port(), "api-2": free_port()}
        self.door = Door(self._api_ports.values())

    def __enter__(self) -> Self:
        self.callback(self._clear)
        try:
            self._mount()
            self.enter_context(self.sites)
            self.enter_context(self.wire)
            self.enter_context(self.keeper)
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    @property
    def environ(self) -> dict[str, str]:
        """What all services are told."""
        mongo = f"mongodb://127.0.0.1:{self._mongo_port}/eventjob?directConnection=true"
        return {
            **inherited(),
            "EVENTJOB_NATS_URL": self.bus.url,
            "EVENTJOB_NATS_REPLICAS": str(len(self.bus.names)),
            "EVENTJOB_STORE_URL": mongo,
            "EVENTJOB_DATA_DIR": str(self.disk),
            "EVENTJOB_FETCH_ALLOW": self.sites.allowance,
            "EVENTJOB_FETCH_DELAY_S": "0",
            "EVENTJOB_FETCH_PER_HOST": "16",
            "EVENTJOB_FETCH_PAGE_MB": "1",
            "EVENTJOB_FETCH_PAGE_S": "4",
            "EVENTJOB_RETRY_BASE_S": "0.2",
            "EVENTJOB_MAX_ATTEMPTS": "4",
            "EVENTJOB_ATTEMPT_MINUTES": "2",
            "EVENTJOB_MIN_FREE_MB": "32",
            "EVENTJOB_CONCURRENCY": "8",
        }

    def is_ready(self) -> bool:
        """Whether every api says so, and each service's process is there."""
        alive = all(k.process is not None for k in self.keeper.kept.values())
        return alive and self.door.are_ready()

    def ran(self, *arguments: str) -> tuple[int, str, str]:
        """A command about this deployment: its exit code, output and errors."""
        return ran(self.environ, *arguments, within_s=300)

    def jump(self, name: str, by_s: float, seconds: float) -> bool:
        """A service's clock is wrong by ``by_s`` for a while."""
        self._clock(name).write_text(str(by_s))
        try:
            time.sleep(seconds)
        finally:
            self._clock(name).unlink(missing_ok=True)
        return True

    def fill(self, seconds: float) -> bool:
        """The disk is full to its last byte for a while; False where it is not ours alone."""
        if not self.has_own_disk:
            return False
        ballast = self.disk / "ballast"
        began = time.monotonic()
        try:
            while time.monotonic() < began + seconds:  # what others give back is taken, too
                with suppress(OSError), ballast.open("ab", buffering=0) as file:
                    while file.write(ZEROS):
                        pass
                time.sleep(0.2)
        finally:
            ballast.unlink(missing_ok=True)
        self._restart_what_gave_up()
        return True

    def _restart_what_gave_up(self) -> None:
        """A server that could not write to a stream takes nothing for it until it is restarted."""
        time.sleep(GAVE_UP_WITHIN_S)
        for name in self.bus.names:
            said = self.keeper.kept[name].log.read_text(errors="replace")
            if max(map(said.rfind, GAVE_UP)) > said.rfind("Server is ready"):
                self.restarted += self.keeper.kill(name)

    def _mount(self) -> None:
        """A small disk of its own, where this process may have one."""
        self.disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(self.disk)]
        with suppress(OSError):
            done = subprocess.run(mount, capture_output=True, check=False)
            self.has_own_disk = done.returncode == 0
        if self.has_own_disk:
            self.callback(subprocess.run, ["umount", "-l", str(self.disk)], check=False)

    def _start(self) -> None:
        self.keeper.keep(*self.bus.programs(BIN / "nats-server", self.folder, self.disk))
        store = [str(DAEMON), "--host", "127.0.0.1", "--port", str(self._mongo_port)]
        store += ["--storage-path", str(self.folder / "store"), "--sync-on-commit"]
        self.keeper.keep(Kept(store, self.environ, self.folder / "store.log"))
        self.bus.wait()
        for name in SERVICES:
            command = [str(EVENTJOB), name.partition("-")[0]]
            environ = self.environ | {
                "EVENTJOB_INSTANCE": name,
                "EVENTJOB_PORT": str(self._api_ports.get(name, 0)),
                "CHAOS_CLOCK_FILE": str(self._clock(name)),
                "PYTHONPATH": str(CLOCKS),
            }
            self.keeper.keep(Kept(command, environ, self.folder / f"{name}.log"))
        eventually(f"ready, see {self.folder}", READY_WITHIN_S, self.is_ready)

    def _clock(self, name: str) -> Path:
        return self.folder / f"{name}.clock"

    def _clear(self) -> None:
        if not self.keeps_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
