"""What another processor, and another scheduler, bring on this machine."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from adapter_jobs import jobs
from client import batch_body, connected
from deployed import Deployed, command, environ
from deployment import Up, eventually, without_pauses
from processes import Processes, line_of
from whole_machine import Machine

pytestmark = pytest.mark.bench
ROUNDS = 3
AWAY_S = 0.5  # what a page takes to come from a site that is far away
WITHIN_S = 120.0
BATCHES = 16
JOBS = 600  # in each of them


@contextmanager
def product(processors: int, away_s: float) -> Iterator[Deployed]:
    """All of `up`, and a site whose answers take ``away_s``."""
    with TemporaryDirectory(prefix="eventjob-bench-") as folder, Processes(Path(folder)) as started:
        site = started.start("site", command("adapter_site.py", str(away_s)), environ())
        port = int(line_of(site))
        settings = without_pauses(port) | {
            "EVENTJOB_PROCESSORS": str(processors),
            "EVENTJOB_FETCH_PER_HOST": "64",
        }
        with Up(Path(folder), **settings) as up:
            yield Deployed(up, port, started)


def pages_s(product: Deployed, name: str, count: int) -> float:
    """Pages per second, from the POST until all ZIPs are there."""
    body = {"batch_id": name, "jobs": [{"parameters": p} for p in parameters(product, name, count)]}
    began = time.perf_counter()
    assert product.up.post("/batches", body).status in {201, 202}
    eventually(name, WITHIN_S, lambda: product.completed(name) == count)
    return count / (time.perf_counter() - began)


def parameters(product: Deployed, name: str, count: int) -> list[dict[str, str]]:
    return [json.loads(line) for line in jobs(product.site_port, name, count)]


@pytest.mark.parametrize(
    ("where", "away_s", "count"), [("beside it", 0.0, 400), ("half a second away", AWAY_S, 320)]
)
def test_processors(table, where, away_s, count):
    rates: dict[int, list[float]] = {}
    for processors in (1, 2):
        with product(processors, away_s) as running:
            pages_s(running, "warmup", 80)
            rates[processors] = [
                pages_s(running, f"round{number}", count) for number in range(ROUNDS)
            ]
    for processors, measured in rates.items():
        table.add(
            f"pages of a site {where}, {processors} processor(s)",
            measured,
            "pages/s",
            f"{count} pages that an adapter knows, from POST until all ZIPs are there; all of `up`,"
            " 16 sessions at a time in a processor, no pause between requests",
        )


def test_schedulers(table):
    for schedulers in (1, 2):
        with Machine(schedulers=schedulers) as machine:
            machine.start_worker()
            run(machine, "warmup", 50)
            rates = [run(machine, f"round{number}", JOBS) for number in range(ROUNDS)]
        table.add(
            f"the whole machine, {schedulers} scheduler(s)",
            rates,
            "jobs/s",
            f"{BATCHES} batches of {JOBS} jobs at once, spread over the partitions, fsync always, "
            "until all are completed; the bench answers fetch and archive at once",
        )


def run(machine: Machine, name: str, count: int) -> float:
    """Jobs per second, from the first POST until every batch is completed."""
    names = [f"{name}-{number}" for number in range(BATCHES)]
    bodies = [batch_body(batch, count) for batch in names]
    began = time.perf_counter()
    for batch, body in zip(names, bodies, strict=True):
        machine.post(batch, body)
    with connected(machine.port) as client:
        eventually(
            name, WITHIN_S, lambda: all(client.batch(b)["status"] == "completed" for b in names)
        )
    return BATCHES * count / (time.perf_counter() - began)
