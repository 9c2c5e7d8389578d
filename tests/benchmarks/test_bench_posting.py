"""How long a single POST takes until its answer, on an idle machine and on a busy one."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
from client import Client, batch_body, connected, job
from table import at_most, percentile
from whole_machine import Machine

pytestmark = pytest.mark.bench
RUNS = 3
POSTS = 100
JOBS = 10_000
PAUSE_S = 0.05
COMPARED = "until 201, visible in every read; one connection that is kept, a post every 50 ms; "


class Posted(NamedTuple):
    took_ms: float
    status: int  # 202 where it was not visible within 2 s


@pytest.fixture
def machine():
    with Machine() as machine:
        machine.start_worker()
        machine.run("warm-up", batch_body("warm-up", 500), 500)
        yield machine


def post(client: Client, n: int) -> Posted:
    """A job alone, and the pause after it."""
    body = json.dumps(job("single", n)).encode()
    began = time.perf_counter()
    answer = client.post("/jobs", body)
    took_s = time.perf_counter() - began
    assert answer.status in {201, 202}, answer
    if answer.status == 201:
        assert client.get(f"/jobs/{answer.json['job']['job_id']}").status == 200
    time.sleep(PAUSE_S)
    return Posted(took_s * 1000, answer.status)


def add(table, what: str, runs: list[list[Posted]], compared: str, most_ms: float) -> None:
    """The p95 of each run, and beside it what that hides."""
    posts = [one for run in runs for one in run]
    times = sorted(one.took_ms for one in posts)
    late = sum(one.status == 202 for one in posts)
    seen = f"{len(posts)} posts in {len(runs)} runs, p50 {percentile(times, 50):.1f} ms, slowest "
    table.add(
        what,
        [percentile([one.took_ms for one in run], 95) for run in runs],
        "ms",
        f"{COMPARED}{compared}; {seen}{times[-1]:.0f} ms, {late} answered 202",
        at_most(most_ms),
    )


def test_a_single_post_while_idle(machine, table):
    runs = [[post(machine.client, n) for n in range(POSTS)] for _ in range(RUNS)]
    add(table, "a single POST, idle, p95", runs, "nothing else is asked for", 15)


def test_a_single_post_while_busy(machine, table):
    """Posts from before a batch of 10,000 is sent until all its jobs are completed."""

    def run(name):
        body = batch_body(name, JOBS)
        with connected(machine.port) as client, ThreadPoolExecutor(1) as other:
            batch = other.submit(machine.run, name, body, JOBS)
            posts = [post(client, JOBS)]
            while not batch.done():
                posts.append(post(client, JOBS))
            batch.result()
        return posts

    runs = [run(f"busy-{number}") for number in range(RUNS)]
    compared = "from the POST of 10,000 jobs until the instant worker has completed them"
    add(table, "a single POST while 10,000 jobs run, p95", runs, compared, 150)
