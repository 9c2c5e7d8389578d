"""Reads of a projection of 100,000 jobs in SQLite, and its rebuild."""

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import pytest
from filled import (
    BATCHES,
    FILTERS,
    LARGE,
    RUNS,
    SMALL,
    USERS,
    Filled,
    cursor_p95_ms,
    owner,
    pages,
    timed,
)
from table import at_least, at_most, percentile
from whole_machine import Machine

from eventjob.bus import subjects
from eventjob.bus.wire.connection import connect

pytestmark = pytest.mark.bench
READS = 300
IN_EACH = (LARGE - SMALL) // BATCHES  # of the large batches


@pytest.fixture(scope="module")
def filled():
    with Machine() as machine:
        yield Filled(machine)


def test_one_job_is_read(filled, table):
    def run():
        for _ in range(READS):
            number, n = random.randrange(BATCHES), random.randint(1, IN_EACH)
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
    table.add(
        "page of 50 with a cursor, of 100,000, p95",
        large_ms,
        "ms",
        "the same lists, from their beginning and from the middle on, without a total",
        at_most(5),
    )
    ratios = [large / small for large, small in zip(large_ms, filled.small_cursor_ms, strict=True)]
    at_10_000 = ", ".join(f"{p95:.2f}" for p95 in filled.small_cursor_ms)
    table.add(
        "  its time against that of 10,000",
        ratios,
        "x",
        f"p95 of the same lists when there were 10,000 jobs: {at_10_000} ms",
        at_most(1.2),
    )


def test_the_projection_is_built_anew(filled, table):
    count = asyncio.run(events(filled.machine))
    assert count > LARGE
    used_s = getrusage(RUSAGE_CHILDREN).ru_utime
    took_s = [rebuilt_s(filled.machine) for _ in range(RUNS)]
    used_s = getrusage(RUSAGE_CHILDREN).ru_utime - used_s
    table.add(
        "eventjob rebuild",
        [count / one for one in took_s],
        "events/s",
        f"{count:,} events of {LARGE:,} jobs, on the running deployment; from the command's start "
        f"until its end; {used_s / RUNS / count * 1e6:.0f} us of its own user CPU time for each",
        at_least(10_000),
    )
    filled.machine.check_visible("large-7", IN_EACH, owner(7))


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
