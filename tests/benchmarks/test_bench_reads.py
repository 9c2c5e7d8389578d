"""Reads and the rebuild of a projection of 100,000 jobs in SQLite.

The jobs belong to five users; each of them may read a tenth of all jobs alone, and the half that
is public. More than half are completed, a tenth is failed, and the others wait.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from client import batch_body
from machine import Machine
from table import at_least, at_most, percentile

from eventjob.bus import subjects
from eventjob.bus.connection import connect

pytestmark = pytest.mark.bench
RUNS = 3
SMALL, LARGE = 10_000, 100_000
BATCHES = 10
USERS = [f"user-{number}" for number in range(5)]
READS = 300
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
            machine.post(body, owner(number))
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
    """As `pages`, from the beginning and from the middle on; none where there are no cursors."""
    found = []
    for path, user in pages(name):
        middle = machine.client.get(path, user).json["total"] // 2
        next_ = machine.client.get(f"{path}&skip={middle}", user).json.get("next")
        found += [(f"{path}&cursor={place}", user) for place in ("", next_) if place is not None]
    return found if machine.client.get("/jobs?cursor=").status == 200 else []


def cursor_p95_ms(machine: Machine, name: str) -> list[float]:
    """The p95 of each run; none where cursors are not there."""

    def run():
        for path, user in random.sample(places, len(places)):
            took_ms, answer = timed(machine, path, user)
            assert "total" not in answer
            yield took_ms

    places = cursors(machine, name)
    return [percentile([*run()], 95) for _ in range(RUNS) if places]


class Filled:
    """A machine with 100,000 jobs, and what was measured when it had 10,000."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        fill(machine, "small", SMALL)
        self.small_cursor_ms = cursor_p95_ms(machine, "small")
        fill(machine, "large", LARGE - SMALL)
        assert sum(visible(machine, user) for user in USERS) > LARGE


def visible(machine: Machine, user: str) -> int:
    """How many jobs a user may read."""
    return machine.client.get("/jobs?limit=0", user).json["total"]


@pytest.fixture(scope="module")
def filled():
    with Machine() as machine:
        yield Filled(machine)


def test_one_job_is_read(filled, table):
    def run():
        for _ in range(READS):
            number, n = random.randrange(BATCHES), random.randint(1, (LARGE - SMALL) // BATCHES)
            took_ms, answer = timed(filled.machine, f"/jobs/job-large-{number}.{n}", owner(number))
            assert answer["job"]["batch_id"] == f"large-{number}"
            yield took_ms

    table.add(
        "GET one job of 100,000, p95",
        [percentile([*run()], 95) for _ in range(RUNS)],
        "ms",
        f"random jobs, half of them with results read from artifacts; p95 of {READS} reads",
        at_most(5),
    )


def test_a_page_is_read_with_its_total(filled, table):
    slowest = (0.0, "")

    def run():
        nonlocal slowest
        for path, user in random.sample(pages("large"), len(pages("large"))):
            took_ms, answer = timed(filled.machine, path, user)
            assert len(answer["jobs"]) == min(50, answer["total"])
            slowest = max(slowest, (took_ms, path))
            yield took_ms

    samples = [percentile([*run()], 95) for _ in range(RUNS)]
    table.add(
        "page of 50 with its total, of 100,000, p95",
        samples,
        "ms",
        f"{len(FILTERS)} filters, two sorts, two orders, {len(USERS)} users; the slowest took "
        f"{slowest[0]:.0f} ms: {slowest[1]}",
        at_most(20),
    )


def test_a_page_is_read_with_a_cursor(filled, table):
    large_ms = cursor_p95_ms(filled.machine, "large")
    what, growth = "page of 50 with a cursor, of 100,000, p95", "  its time against that of 10,000"
    if not large_ms:
        table.missing(what, "the api has no cursors", "ms", at_most(5))
        table.missing(growth, "the api has no cursors", "x", at_most(1.2))
        return
    table.add(
        what,
        large_ms,
        "ms",
        "the same lists, from their beginning and from the middle on, without a total",
        at_most(5),
    )
    ratios = [large / small for large, small in zip(large_ms, filled.small_cursor_ms, strict=True)]
    at_10_000 = ", ".join(f"{p95:.2f}" for p95 in filled.small_cursor_ms)
    table.add(
        growth,
        ratios,
        "x",
        f"p95 of the same lists when there were 10,000 jobs: {at_10_000} ms",
        at_most(1.2),
    )


def test_the_projection_is_built_anew(filled, table):
    what, reach = "eventjob rebuild", at_least(10_000)
    if find_spec("services.api.rebuild") is None:
        table.missing(what, "there is no such command yet", "events/s", reach)
        return
    count = asyncio.run(events(filled.machine))
    assert count > LARGE
    took_s = [rebuilt_s(filled.machine) for _ in range(RUNS)]
    table.add(
        what,
        [count / one for one in took_s],
        "events/s",
        f"{count:,} events of {LARGE:,} jobs, on the running deployment; from the command's start "
        "until its end",
        reach,
    )
    filled.machine.check_visible("large-7", (LARGE - SMALL) // BATCHES)


async def events(machine: Machine) -> int:
    """How many events there are in the log."""
    connection = await connect(
        machine.environ["EVENTJOB_NATS_URL"],
        name="bench",
        user=machine.environ["EVENTJOB_NATS_USER"],
        password=machine.environ["EVENTJOB_NATS_PASSWORD"],
    )
    try:
        return (await connection.jetstream.stream_info(subjects.EVENTS)).state.messages
    finally:
        await connection.close()


def rebuilt_s(machine: Machine) -> float:
    """Seconds that the command takes."""
    script = Path(sys.executable).with_name("eventjob")
    began = time.perf_counter()
    done = subprocess.run(
        (sys.executable, str(script), "rebuild"),
        env=machine.environ,
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return time.perf_counter() - began
