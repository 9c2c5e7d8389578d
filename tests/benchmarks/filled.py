"""100,000 jobs in SQLite, and the reads that are measured on them.

The jobs belong to five users; each of them may read a tenth of all jobs alone, and the half that
is public. More than half are completed, a tenth is failed, and the others wait.
"""

import json
import random
import time
from itertools import product
from typing import Any

from client import batch_body
from table import percentile
from whole_machine import Machine

RUNS = 3
SMALL, LARGE = 10_000, 100_000
BATCHES = 10
USERS = [f"user-{number}" for number in range(5)]
FILTERS = (
    "",
    "status=completed",
    "status=pending",
    "status=failed",
    "user_id=user-2",
    "user_id=user-4&status=failed",
    "batch_id={name}-7",
    "batch_id={name}-6&status=pending",
)


def pages(name: str) -> list[tuple[str, str]]:
    """Lists to read, and for each of them who reads it."""
    listed = product(FILTERS, ("created_at", "updated_at"), ("desc", "asc"), USERS)
    return [
        (f"/jobs?limit=50&sort={sort}&order={order}&{filters.format(name=name)}", user)
        for filters, sort, order, user in listed
    ]


def owner(number: int) -> str:
    return USERS[number % len(USERS)]


def fill(machine: Machine, name: str, count: int) -> None:
    """Ten batches: five that are completed, four that wait, and one that is failed."""
    machine.start_worker()
    for number in range(BATCHES):
        if number == BATCHES // 2:
            machine.processes.stop("worker")
        batch = f"{name}-{number}"
        visibility = "public" if number >= BATCHES // 2 else "private"
        body = json.loads(batch_body(batch, count // BATCHES))
        body = json.dumps({**body, "access_control": {"visibility": visibility}}).encode()
        if number < BATCHES // 2:
            machine.run(batch, body, count // BATCHES, owner(number))
        else:
            machine.post(batch, body, owner(number))
    answer = machine.client.post("/batches/fail-all", b"{}", USERS[-1])
    assert answer.json["updated_count"] == 1


def timed(machine: Machine, path: str, user: str) -> tuple[float, Any]:
    """Milliseconds until the answer, and the answer."""
    began = time.perf_counter()
    answer = machine.client.get(path, user)
    took_s = time.perf_counter() - began
    assert answer.status == 200, answer
    return took_s * 1000, answer.json


def cursors(machine: Machine, name: str) -> list[tuple[str, str]]:
    """As `pages`, from the beginning and from the middle on."""
    found = []
    for path, user in pages(name):
        middle = machine.client.get(path, user).json["total"] // 2
        next_ = machine.client.get(f"{path}&skip={middle}", user).json.get("next")
        found += [(f"{path}&cursor={place}", user) for place in ("", next_) if place is not None]
    return found


def cursor_p95_ms(machine: Machine, name: str) -> list[float]:
    """The p95 of each run over all lists."""

    def run():
        for path, user in random.sample(places, len(places)):
            took_ms, answer = timed(machine, path, user)
            assert "total" not in answer
            yield took_ms

    places = cursors(machine, name)
    return [percentile([*run()], 95) for _ in range(RUNS)]


class Filled:
    """A machine with 100,000 jobs, and what was measured when it had 10,000."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        fill(machine, "small", SMALL)
        self.small_cursor_ms = cursor_p95_ms(machine, "small")
        fill(machine, "large", LARGE - SMALL)
        assert {visible(machine, user) for user in USERS} == {LARGE * 6 // 10}


def visible(machine: Machine, user: str) -> int:
    """How many jobs a user may read."""
    return machine.client.get("/jobs?limit=0", user).json["total"]
