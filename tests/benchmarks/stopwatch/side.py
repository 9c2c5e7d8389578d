"""One commit's `up`, driven from outside: settings, HTTP, the bus, and the processes' clocks."""

import json
import re
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from client import connected
from deployment import eventually, without_pauses
from nats_server import free_port
from process_tree import processes, service_of
from processes import Processes, ended_cpu_ms

WITHIN_S = 120.0
LOOK_EVERY_S = 0.02
SAID = re.compile(rb'"type":"(Accepted|ProjectedTo)","sequence":(\d+)')

Values = dict[str, float]


class Checkout(NamedTuple):
    """A commit's files, and the environment in which its own modules are found first."""

    label: str
    eventjob: Path  # the command, of the virtual environment that it runs in
    environ: dict[str, str]


class Side:
    """A commit's `up` with a folder of its own, once it is started."""

    def __init__(self, checkout: Checkout, site: int, folder: Path) -> None:
        self.label = checkout.label
        self.site = site
        self._folder = folder
        self._port = free_port()
        self._command = (str(checkout.eventjob), "up")
        self._environ = checkout.environ | {
            **without_pauses(site),
            "EVENTJOB_PORT": str(self._port),
            "EVENTJOB_DATA_DIR": str(folder / "data"),
        }

    @contextmanager
    def stopped_at_the_end(self) -> Iterator["Side"]:
        """Where anything fails, the end of its log is printed."""
        self._folder.mkdir(parents=True)
        try:
            with Processes(self._folder) as self._running, connected(self._port) as self.client:
                yield self
        except BaseException:
            log = (self._folder / "up.log").read_text()
            print(f"the log of {self.label} ends:\n{log[-2000:]}", file=sys.stderr)
            raise

    def start(self) -> Values:
        """Until it is ready: CPU milliseconds by process, and the wall clock's."""
        began = time.perf_counter()
        self._running.start("up", self._command, self._environ)
        while not self.client.is_ready():
            assert time.perf_counter() - began < WITHIN_S
            time.sleep(LOOK_EVERY_S)
        wall_ms = (time.perf_counter() - began) * 1000
        return {**self._clocks_ms(), "wall clock, ms": wall_ms}

    def used_ms(self, work: Callable[[], object]) -> Values:
        """The CPU milliseconds that each process uses while ``work`` is done."""
        before = self._clocks_ms()
        work()
        used = self._clocks_ms()
        used.subtract(before)
        assert min(used.values()) >= 0, f"a service has been started again: {used}"
        return used

    def _clocks_ms(self) -> Counter[str]:
        """CPU time so far by name; children that have ended count as `other`, or as the pool's."""
        known = {pid: (parent, command) for pid, parent, command in processes()}
        names = {self._running.pid("up"): "up"}
        for ancestor in (found := [*names]):
            for pid, (parent, command) in known.items():
                if parent == ancestor:
                    of_pool = names[ancestor] == "processor"
                    names[pid] = "pool" if of_pool else service_of(command)
                    found.append(pid)
        used: Counter[str] = Counter()
        for pid, name in names.items():
            with suppress(OSError):  # it has just ended
                used[name] += time.clock_gettime(_clock(pid)) * 1000
                used["pool" if name == "processor" else "other"] += ended_cpu_ms(pid)
        return used

    @contextmanager
    def listening(self) -> Iterator["Heard"]:
        """What is said on the bus, heard as the api's user, or as the only one of old commits."""
        config = (self._folder / "data" / "nats" / "nats.conf").read_text()
        port = re.search(r'^listen: "127\.0\.0\.1:(\d+)"$', config, re.MULTILINE)
        assert port, config
        passwords = dict(re.findall(r'user: (\w+), password: "([^"]+)"', config))
        name = "api" if "api" in passwords else next(iter(passwords))
        inboxes = "_INBOX_api.>" if name == "api" else "_INBOX.>"
        with socket.create_connection(("127.0.0.1", int(port[1]))) as bus:
            user = json.dumps({"verbose": False, "user": name, "pass": passwords[name]})
            subscribed = f"SUB say.projected 1\r\nSUB {inboxes} 2\r\n"
            bus.sendall(f"CONNECT {user}\r\n{subscribed}".encode())
            heard = Heard()
            threading.Thread(target=heard.hear, args=(bus,), daemon=True).start()
            yield heard
            bus.shutdown(socket.SHUT_RDWR)


class Heard:
    """Replies to commands, and how far the projector is, each with the time and a sequence."""

    def __init__(self) -> None:
        self._all: list[tuple[str, float, int]] = []

    def hear(self, bus: socket.socket) -> None:
        """Until it is shut down."""
        with suppress(OSError), bus.makefile("rb") as said:
            for line in said:
                at = time.perf_counter()
                if line.startswith((b"MSG", b"HMSG")):
                    data = said.read(int(line.split()[-1]) + 2)
                    if found := SAID.search(data):
                        self._all.append((found[1].decode(), at, int(found[2])))
                elif line.startswith(b"PING"):
                    bus.sendall(b"PONG\r\n")

    def first(self, kind: str, since: float, sequence: int = 0) -> tuple[float, int]:
        """When ``sequence`` or a later one was first said, and which it was."""

        def found() -> list[tuple[float, int]]:
            return [(a, s) for k, a, s in self._all if k == kind and a >= since and s >= sequence]

        eventually(kind, WITHIN_S, lambda: bool(found()))
        return found()[0]


def _clock(pid: int) -> int:
    """The clock of a process's user and system time; see clock_getcpuclockid(3).

    It says what `/proc/<pid>/stat` says, in nanoseconds instead of hundredths of a second.
    """
    return (~pid << 3) | 2
