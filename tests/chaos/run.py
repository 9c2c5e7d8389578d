"""One run: jobs and faults at the same time, then the judgement, then what to say of it."""

import threading
from collections import Counter
from typing import NamedTuple

from deployment import eventually

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
        try:
            eventually("ready after the last fault", READY_AGAIN_S, room.is_ready)
        except AssertionError as error:
            wrong.append(str(error))
        judgement = Judgement(room, people.record)
        judgement.pass_on()
        wrong += judgement.faults
        rows = told(faults, room.wire.done, people) | judgement.counted
        if room.restarted:
            rows["nats-server restarted, after full disk"] = f"{room.restarted}"
        if not room.has_own_disk:
            rows["NOT DONE: the full disk"] = "only root may mount one to fill"
        room.keeps_folder = bool(wrong)
        if wrong:
            wrong.append(f"seed {seed}; the logs are in {room.folder}")
        return Outcome([f"{name:36} {value}" for name, value in rows.items()], wrong)


def told(faults: Faults, wire: Counter[str], people: People) -> dict[str, str]:
    """What happened, and how often."""
    rows = {"faults": f"{faults.happened.total()}"}
    for kind, target in sorted({*faults.happened, *faults.missed}):
        missed = faults.missed[kind, target]
        also = f" ({missed} more found it away)" if missed else ""
        rows[f"{kind} {target}"] = f"{faults.happened[kind, target]}{also}"
    for who, done in (("bus", wire), ("people", people.record.done)):
        rows |= {f"{who}: {what}": f"{count:,}" for what, count in sorted(done.items())}
    return rows
