"""One run: jobs and faults at the same time, then the judgement, then what to say of it."""

import threading
import time
from collections import Counter
from typing import NamedTuple

from chaos.faults import Faults, drawn
from chaos.judgement import Judgement
from chaos.people import People
from chaos.room import Room

READY_AGAIN_S = 180.0


class Outcome(NamedTuple):
    """What a run came to; good where ``wrong`` is empty."""

    lines: list[str]
    wrong: list[str]


def chaos(seed: int, jobs: int, seconds: float, every_s: float, servers: int = 1) -> Outcome:
    """``jobs`` jobs over ``seconds``, with a fault every ``every_s`` on average.

    ``servers`` is how many the bus has, 1 or 3.
    """
    with Room(servers) as room:
        people = People(room.door, room.sites, seed)
        faults = Faults(room, drawn(seed, seconds, every_s, room.bus.names))
        breaking = threading.Thread(target=faults.run)
        breaking.start()
        people.run(jobs, seconds * 0.9)
        breaking.join()
        wrong = [*people.troubles, *faults.troubles]
        if not _is_ready_again(room):
            wrong.append(f"not ready within {READY_AGAIN_S:g} s after the last fault")
        judgement = Judgement(room, people.record)
        judgement.pass_on()
        wrong += judgement.faults
        lines = [*_faults(faults, room.wire.done), *_done(people), *_judged(judgement)]
        if room.restarted:
            lines.append(_row("nats-server restarted, after full disk", f"{room.restarted}"))
        if not room.has_own_disk:
            lines.append(_row("NOT DONE: the full disk", "only root may mount one to fill"))
        room.keeps_folder = bool(wrong)
        if wrong:
            wrong.append(f"seed {seed}; the logs are in {room.folder}")
        return Outcome(lines, wrong)


def _is_ready_again(room: Room) -> bool:
    deadline = time.monotonic() + READY_AGAIN_S
    while not room.is_ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def _faults(faults: Faults, wire: Counter[str]) -> list[str]:
    kinds = sorted({*faults.happened, *faults.missed})
    rows = []
    for kind, target in kinds:
        missed = faults.missed[kind, target]
        also = f" ({missed} more found it away)" if missed else ""
        rows.append(_row(f"{kind} {target}".strip(), f"{faults.happened[kind, target]}{also}"))
    sent = [_row(f"bus: {what}", f"{count:,}") for what, count in sorted(wire.items())]
    return [_row("faults", f"{faults.happened.total()}"), *rows, *sent, ""]


def _done(people: People) -> list[str]:
    done = sorted(people.record.done.items())
    return [_row(f"people: {what}", f"{count:,}") for what, count in done] + [""]


def _judged(judgement: Judgement) -> list[str]:
    return [_row(name, value) for name, value in judgement.counted.items()]


def _row(name: str, value: str) -> str:
    return f"{name:36} {value}"
