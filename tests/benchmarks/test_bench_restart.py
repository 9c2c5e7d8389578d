"""The scheduler after a crash, with 100,000 jobs waiting."""

import time

import pytest
from client import batch_body
from processes import line_of
from table import at_most
from whole_machine import Machine

pytestmark = pytest.mark.bench
RUNS = 3
BATCHES = 10
JOBS = 10_000


def test_the_scheduler_starts_with_100_000_unfinished_jobs(table):
    created_s: list[float] = []
    restarted_s: list[float] = []
    late = 0
    for _ in range(RUNS):
        with Machine() as machine:
            for number in range(BATCHES):
                name = f"batch-{number}"
                created_s.append(machine.post(name, batch_body(name, JOBS)))
                machine.check_visible(name, JOBS)
            late += machine.late
            assert machine.client.total("status=pending") == BATCHES * JOBS
            restarted_s.append(until_first_task_s(machine))
    table.add(
        "scheduler restart, 100,000 unfinished jobs",
        restarted_s,
        "s",
        "killed with -9 and started again, from then until a worker that was already waiting has "
        f"its first task; {RUNS} machines of their own",
        at_most(5),
    )
    table.add(
        "  POST of a batch of 10,000 jobs, no worker there",
        created_s,
        "s",
        f"until 201 and visible in every read; {BATCHES} in a row on each of these machines; "
        f"{late} answered 202 before that",
        at_most(0.7),
    )


def until_first_task_s(machine: Machine) -> float:
    """Seconds from the scheduler's start until the worker has a task."""
    machine.processes.kill("scheduler")
    worker = machine.start_worker()
    began = time.monotonic()
    machine.start("scheduler")
    return float(line_of(worker)) - began
