"""What goes wrong, and when: drawn from a seed, so that a run can be had again."""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple

from chaos.room import SERVICES, Room

JUMP_S = 90.0  # an hour's jump would leave retries an hour away
# what happens in each round of faults, besides a kill and a freeze of each process
OTHERS = (
    ("store_away", "store"),
    ("full", "disk"),
    ("dead", "site"),
    ("slow", "site"),
    ("cut", "bus connections"),
    *[("duplicate", "messages"), ("reorder", "messages")] * 2,
    *(("jump", f"clock of {name}") for name in SERVICES),
)
LASTS_S = {"store_away": 30.0, "full": 10.0, "dead": 10.0, "slow": 10.0, "duplicate": 10.0}
USUALLY_S = 4.0
FREEZES = [name for name in SERVICES if not name.startswith("api")]


class Fault(NamedTuple):
    """Begins ``at`` seconds after the start, and lasts ``seconds``."""

    at: float
    kind: str
    target: str
    seconds: float


def drawn(seed: int, length_s: float, every_s: float, buses: Sequence[str]) -> list[Fault]:
    """Faults over ``length_s`` seconds, one every ``every_s`` on average; each kind in turn."""
    chance = random.Random(seed)
    kinds = [("kill", name) for name in (*SERVICES, *buses)]
    kinds += [*(("freeze", name) for name in (*FREEZES, *buses)), *OTHERS]
    if len(buses) > 1:
        kinds += [("kill_leader", "EVENTS")] * 2
    count = max(1, int(length_s / every_s))
    queue: list[tuple[str, str]] = []
    found = []
    for _ in range(count):
        if not queue:
            queue = _one_of_each_first(chance.sample(kinds, len(kinds)))
        kind, target = queue.pop(0)
        lasts_s = min(LASTS_S.get(kind, USUALLY_S), length_s / 4) * chance.uniform(0.8, 1.2)
        found.append(Fault(chance.uniform(0, length_s), kind, target, lasts_s))
    return sorted(found)


def _one_of_each_first(faults: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """In turns, so that a short run has some of everything."""
    kinds = [kind for kind, _ in faults]
    turns = [kinds[:at].count(kind) for at, kind in enumerate(kinds)]
    return [fault for _, fault in sorted(zip(turns, faults, strict=True), key=itemgetter(0))]


class Faults:
    """Lets faults happen, each in its time, and counts those that did."""

    def __init__(self, room: Room, plan: list[Fault]) -> None:
        self.happened: Counter[tuple[str, str]] = Counter()
        self.missed: Counter[tuple[str, str]] = Counter()  # the target was away already
        self.troubles: list[str] = []  # faults that could not be done
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
        try:
            did = self._did(fault)
        except OSError as error:
            self.troubles.append(f"{fault.kind} {fault.target}: {error}")
            return
        with self._lock:
            (self.happened if did else self.missed)[fault.kind, fault.target] += 1

    def _did(self, fault: Fault) -> bool:
        """Let it happen; False where the target was away already."""
        room, target, seconds = self._room, fault.target, fault.seconds
        match fault.kind:
            case "kill":
                return room.keeper.kill(target)
            case "kill_leader":
                leader = room.bus.leader(target)
                return leader is not None and room.keeper.kill(leader)
            case "freeze":
                return room.keeper.freeze(target, seconds)
            case "store_away":
                return room.keeper.hold(target, seconds)
            case "full":
                return room.fill(seconds)
            case "dead" | "slow":
                return room.sites.be(fault.kind, seconds)
            case "cut":
                return room.wire.cut()
            case "duplicate" | "reorder":
                return room.wire.mistreat(fault.kind, seconds)
            case "jump":
                by_s = JUMP_S if int(fault.at * 1000) % 2 == 0 else -JUMP_S
                return room.jump(target.removeprefix("clock of "), by_s, seconds)
        raise ValueError(fault.kind)
