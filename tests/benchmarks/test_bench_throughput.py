"""The whole machine with a worker that answers at once, beside taskiq on the same server."""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import pytest
from bench_machine import machine
from client import batch_body, connected, job
from processes import HERE
from table import figures, percentile

from eventjob.runtime import die_with_parent

pytestmark = pytest.mark.bench
ROUNDS = 3
JOBS = 10_000
WARM_UP = 500
PAUSE_S = 0.05
WHOLE = (
    "from sending POST /batches (10,000 jobs of 360 bytes) until GET says that all are completed; "
    "api, projector and scheduler as `up` starts them, the bench answers fetch and archive at once"
)
TASKIQ = (
    "taskiq {}, taskiq-nats {}, on the same server between our batches: 10,000 no-op tasks kicked "
    "with 64 in flight until all have run; pull broker, 100 at a time, one process, no results"
)


@pytest.mark.parametrize(
    ("server", "least_jobs_s", "least_ratio"),
    [("fsync always", 6_000, 2.0), ("default sync", None, None)],
)
def test_the_whole_machine(table, server, least_jobs_s, least_ratio):
    created_s, ours, theirs = [], [], []
    with machine(fsync=server == "fsync always") as running:
        warm_up(running)
        environ = start_taskiq(running)
        for round_ in range(ROUNDS):
            body = batch_body(f"batch-{round_}", JOBS)
            created, took_s = running.run(f"batch-{round_}", body, JOBS)
            created_s.append(created)
            ours.append(JOBS / took_s)
            theirs.append(JOBS / float(running.processes.said("taskiq_tasks.py", environ=environ)))
        running.processes.stop("taskiq", kill=True)  # asked to end, it would wait for tasks
    table.add(
        f"POST of a batch of 10,000 jobs until 201, {server}",
        created_s,
        "s",
        "and visible in every read, while the worker below is already at work on them; "
        f"{running.late} answered 202 before that",
        at_most=0.7,
    )
    table.add(f"the whole machine, {server}", ours, "jobs/s", WHOLE, at_least=least_jobs_s)
    table.add(
        "  its last batch against its first",
        [ours[-1] / ours[0]],
        "x",
        f"three batches in a row on the same streams: {figures(ours)}",
        at_least=1.0,
    )
    versions = version("taskiq"), version("taskiq-nats")
    table.add(f"  taskiq, {server}", theirs, "tasks/s", TASKIQ.format(*versions))
    table.add(
        f"  the whole machine against taskiq, {server}",
        [one / other for one, other in zip(ours, theirs, strict=True)],
        "x",
        f"in turns: {figures(ours)} jobs/s, and {figures(theirs)} tasks/s",
        at_least=least_ratio,
    )


def warm_up(running):
    running.start_worker()
    running.run("warm-up", batch_body("warm-up", WARM_UP), WARM_UP)


def start_taskiq(running):
    """The environment of its clients; its worker stays.

    A server gives tasks to a worker that has died for 30 s.
    """
    environ = {**running.environ, "PYTHONPATH": str(HERE)}
    shim = (sys.executable, die_with_parent.__file__, str(os.getpid()))
    taskiq = str(Path(sys.executable).with_name("taskiq"))
    options = ("taskiq_tasks:broker", "--workers", "1", "--log-level", "WARNING")
    running.processes.start("taskiq", (*shim, taskiq, "worker", *options), environ)
    return environ


def test_a_single_post_while_busy(table):
    """Posts from before a batch of 10,000 is sent until all its jobs are completed."""
    with machine() as running:
        warm_up(running)
        runs = [posts(running, f"busy-{number}") for number in range(ROUNDS)]
    times, statuses = zip(*(one for run in runs for one in run), strict=True)
    table.add(
        "a single POST while 10,000 jobs run, p95",
        [percentile([took_ms for took_ms, _ in run], 95) for run in runs],
        "ms",
        "until 201, visible in every read; one connection that is kept, a post every 50 ms; from "
        "the POST of 10,000 jobs until the instant worker has completed them; "
        f"{len(times)} posts in {len(runs)} runs, p50 {percentile(times, 50):.1f} ms, slowest "
        f"{max(times):.0f} ms, {statuses.count(202)} answered 202",
        at_most=150,
    )


def posts(running, name):
    """Milliseconds and status of each post; 202 is one that was not visible within 2 s."""
    found, body = [], json.dumps(job("single", JOBS)).encode()
    with connected(running.port) as client, ThreadPoolExecutor(1) as other:
        batch = other.submit(running.run, name, batch_body(name, JOBS), JOBS)
        while not found or not batch.done():
            began = time.perf_counter()
            answer = client.post("/jobs", body)
            found.append(((time.perf_counter() - began) * 1000, answer.status))
            assert answer.status in {201, 202}, answer
            if answer.status == 201:
                assert client.get(f"/jobs/{answer.json['job']['job_id']}").status == 200
            time.sleep(PAUSE_S)
        batch.result()
    return found
