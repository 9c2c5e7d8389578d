"""What goes wrong, and when: drawn from a seed, so that a run can be had again."""

import random
import threading
import time
from collections import Counter
from typing import NamedTuple

from chaos.room import SERVICES, Room

FREEZES = (*(name for name in SERVICES if not name.startswith("api")), "nats-server")


class Fault(NamedTuple):
    """Begins ``at`` seconds after the start, and lasts ``seconds``."""

    at: float
    kind: str
    target: str
    seconds: float


def drawn(seed: int, length_s: float, every_s: float) -> list[Fault]:
    """Faults over ``length_s`` seconds, one every ``every_s`` on average; each kind in turn."""
    chance = random.Random(seed)
    kinds = [("kill", name) for name in (*SERVICES, "nats-server")]
    kinds += [("freeze", name) for name in FREEZES]
    count = max(1, int(length_s / every_s))
    queue: list[tuple[str, str]] = []
    found = []
    for _ in range(count):
        if not queue:
            queue = chance.sample(kinds, len(kinds))
        kind, target = queue.pop()
        found.append(Fault(chance.uniform(0, length_s), kind, target, chance.uniform(1, 6)))
    return sorted(found)


class Faults:
    """Lets faults happen, each in its time, and counts those that did."""

    def __init__(self, room: Room, plan: list[Fault]) -> None:
        self.happened: Counter[tuple[str, str]] = Counter()
        self.missed: Counter[tuple[str, str]] = Counter()  # the target was away already
        self._room, self._plan = room, plan
        self._lock = threading.Lock()

    def run(self) -> None:
        """Returns when the last one is over."""
        began = time.monotonic()
        threads = []
        for fault in self._plan:
            time.sleep(max(0.0, began + fault.at - time.monotonic()))
            threads.append(threading.Thread(target=self._let, args=(fault,)))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def _let(self, fault: Fault) -> None:
        did = getattr(self, f"_{fault.kind}")(fault)
        with self._lock:
            (self.happened if did else self.missed)[fault.kind, fault.target] += 1

    def _kill(self, fault: Fault) -> bool:
        return self._room.keeper.kill(fault.target)

    def _freeze(self, fault: Fault) -> bool:
        return self._room.keeper.freeze(fault.target, fault.seconds)
