"""What a job leaves behind: in the log, the projection and memory; and the memory of `up`."""

import time

import pytest
from bench_machine import machine, product, states
from client import batch_body, page_jobs
from deployment import eventually
from process_tree import descendants
from processes import pss_mb

pytestmark = pytest.mark.bench
RUNS = 3
BATCHES = 6
JOBS = 10_000  # in each of them
WITHIN_S = 60.0
SETTLED_AFTER_S = 5.0
BUSY_S = 20.0
SAMPLE_S = 0.5


def test_what_a_job_leaves(table):
    with machine() as running:
        running.start_worker()
        running.run("warmup", batch_body("warmup", JOBS), JOBS)
        before = sizes(running)
        for number in range(BATCHES):
            name = f"batch{number}"
            running.run(name, batch_body(name, JOBS), JOBS)
        after = sizes(running)
    jobs = BATCHES * JOBS
    for what, value in after.items():
        table.add(
            f"{what}, a finished job",
            [(value - before[what]) / jobs],
            "bytes" if what != "events in the log" else "events",
            f"after {jobs:,} jobs in batches of {JOBS:,} with an instant worker, whose parameters "
            "and results are short, less what was there after the first 10,000",
        )


def sizes(running):
    """Bytes, but for the number of events, when nothing is left to do."""

    def backlog():
        return sum(state.messages for state in states(running.environ, "CMD", "TASKS", "REPORTS"))

    eventually("no backlog", WITHIN_S, lambda: backlog() == 0)
    (log,) = states(running.environ, "EVENTS")
    services = ("nats-server", "scheduler", "projector", "api")
    return {
        "events in the log": log.messages,
        "the log": log.bytes,
        "the log's folder": folder_bytes(running.processes.folder / "nats" / "jetstream"),
        "projection in SQLite": folder_bytes(running.processes.folder / "data", "projection*"),
    } | {
        f"memory of {name}": pss_mb([running.processes.pid(name)]) * 1024 * 1024
        for name in services
    }


def folder_bytes(folder, pattern="*"):
    return sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file())


def test_memory_of_up(table):
    runs = [memory_of_up() for _ in range(RUNS)]
    idle_mb, busy_mb, completed = zip(*runs, strict=True)
    table.add(
        "memory of `up`, idle",
        idle_mb,
        "MB",
        "sum of PSS over all its processes, nats-server too; one processor with its two parsing "
        f"processes, after {SETTLED_AFTER_S:g} s",
        at_most=450,
    )
    table.add(
        "memory of `up`, 10,000 jobs running",
        busy_mb,
        "MB",
        f"the most of samples every {SAMPLE_S:g} s, from the POST of 10,000 jobs on for "
        f"{BUSY_S:g} s; real processor on small pages without pauses, of which by then "
        f"{', '.join(map(str, completed))} were completed",
        at_most=900,
    )


def memory_of_up():
    """Idle MB, most MB at work, and the jobs completed meanwhile, of a new `up`."""
    with product() as (running, port):

        def used_mb():
            up = running.processes.pid("up")
            return pss_mb([up, *descendants(up)])

        time.sleep(SETTLED_AFTER_S)
        idle_mb = most_mb = used_mb()
        running.post("batch", batch_body("batch", page_jobs(port, "page", JOBS, small=True)))
        until = time.monotonic() + BUSY_S
        while time.monotonic() < until:
            most_mb = max(most_mb, used_mb())
            time.sleep(SAMPLE_S)
        batch = running.client.batch("batch")
        assert 0 < batch["completed_jobs"] < JOBS
        assert batch["failed_jobs"] == 0
        return idle_mb, most_mb, batch["completed_jobs"]
