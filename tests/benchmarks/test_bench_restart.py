"""The scheduler after a crash, with 100,000 jobs waiting."""

import time

import pytest
from bench_machine import machine
from client import batch_body
from processes import line_of

pytestmark = pytest.mark.bench
RUNS = 3
BATCHES = 10
JOBS = 10_000


def test_the_scheduler_starts_with_100_000_unfinished_jobs(table):
    created_s, restarted_s, late = [], [], 0
    for _ in range(RUNS):
        with machine() as running:
            for number in range(BATCHES):
                name = f"batch-{number}"
                created_s.append(running.post(name, batch_body(name, JOBS)))
                running.check_visible(name, JOBS)
            late += running.late
            assert running.client.total("status=pending") == BATCHES * JOBS
            running.processes.stop("scheduler", kill=True)
            worker = running.start_worker()
            began = time.monotonic()
            running.start("scheduler")
            restarted_s.append(float(line_of(worker)) - began)
    table.add(
        "scheduler restart, 100,000 unfinished jobs",
        restarted_s,
        "s",
        "killed with -9 and started again, from then until a worker that was already waiting has "
        f"its first task; {RUNS} machines of their own",
        at_most=5,
    )
    table.add(
        "  POST of a batch of 10,000 jobs, no worker there",
        created_s,
        "s",
        f"until 201 and visible in every read; {BATCHES} in a row on each of these machines; "
        f"{late} answered 202 before that",
        at_most=0.7,
    )
