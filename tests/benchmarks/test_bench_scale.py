"""What another processor, and another scheduler, bring on this machine."""

import time

import pytest
from bench_machine import DONE_WITHIN_S, machine, product
from client import batch_body, connected, page_jobs
from deployment import eventually

pytestmark = pytest.mark.bench
ROUNDS = 3
AWAY_S = 0.5  # what a page takes to come from a site that is far away
BATCHES = 16
JOBS = 600  # in each of them


@pytest.mark.parametrize(
    ("where", "away_s", "count"), [("beside it", 0.0, 400), ("half a second away", AWAY_S, 320)]
)
@pytest.mark.parametrize("processors", [1, 2])
def test_processors(table, where, away_s, count, processors):
    def rate(name, count):
        body = batch_body(name, page_jobs(port, name, count))
        return count / running.run(name, body, count)[1]

    settings = {"EVENTJOB_PROCESSORS": str(processors), "EVENTJOB_FETCH_PER_HOST": "64"}
    with product(away_s, **settings) as (running, port):
        rate("warmup", 80)
        rates = [rate(f"round{number}", count) for number in range(ROUNDS)]
    table.add(
        f"pages of a site {where}, {processors} processor(s)",
        rates,
        "pages/s",
        f"{count} pages that an adapter knows, from POST until all ZIPs are there; all of `up`,"
        " 16 sessions at a time in a processor, no pause between requests",
    )


@pytest.mark.parametrize("schedulers", [1, 2])
def test_schedulers(table, schedulers):
    with machine(schedulers=schedulers) as running:
        running.start_worker()
        rate(running, "warmup", 50)
        rates = [rate(running, f"round{number}", JOBS) for number in range(ROUNDS)]
    table.add(
        f"the whole machine, {schedulers} scheduler(s)",
        rates,
        "jobs/s",
        f"{BATCHES} batches of {JOBS} jobs at once, spread over the partitions, fsync always, "
        "until all are completed; the bench answers fetch and archive at once",
    )


def rate(running, name, count):
    """Jobs per second, from the first POST until every batch is completed."""
    bodies = {f"{name}-{n}": batch_body(f"{name}-{n}", count) for n in range(BATCHES)}
    began = time.perf_counter()
    for batch, body in bodies.items():
        running.post(batch, body)
    with connected(running.port) as client:

        def done():
            return all(client.batch(batch)["status"] == "completed" for batch in bodies)

        eventually(name, DONE_WITHIN_S, done)
    return BATCHES * count / (time.perf_counter() - began)
