"""What it costs, measured on this machine: medians of three runs, printed as a table.

Run by `make bench`, not by `make test`: figures depend on what else the machine does.
"""

import statistics
import time

import pytest
from deployment import Up, eventually
from pages import Site

pytestmark = pytest.mark.bench
RUNS = 3


@pytest.fixture(scope="module")
def site():
    with Site() as site:
        yield site


@pytest.fixture(scope="module")
def up(tmp_path_factory, site):
    settings = {
        "EVENTJOB_FETCH_ALLOW": f"127.0.0.1/32:{site.port}",
        "EVENTJOB_FETCH_DELAY_S": "0",
        "EVENTJOB_FETCH_PER_HOST": "16",
    }
    with Up(tmp_path_factory.mktemp("bench"), **settings) as up:
        yield up


def jobs(site, name, count):
    return [
        {
            "parameters": {
                "event": "Bench",
                "session": f"{name} {n}",
                "url": f"{site.url}/{name}-{n}",
                "filename": f"{name}-{n}.md",
                "track": "T",
            }
        }
        for n in range(count)
    ]


def timed(action):
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def row(what, value, unit, compared):
    print(f"\n| {what:<58} | {value:>8.1f} {unit:<7} | {compared} |", end="")


def finished(up, name):
    return up.get(f"/batches/{name}").json["batch"]["status"] == "completed"


def test_real_pages_from_post_to_the_last_zip(up, site):
    def run(number):
        name = f"pages-{number}"
        up.post("/batches", {"batch_id": name, "jobs": jobs(site, name, 300)})
        eventually(name, 120, lambda: finished(up, name))

    rates = [300 / timed(lambda n=n: run(n)) for n in range(RUNS)]
    row(
        "300 pages from POST to the last ZIP, no pause between",
        statistics.median(rates),
        "jobs/s",
        f"{min(rates):.1f} to {max(rates):.1f}, {RUNS} runs",
    )
    assert min(rates) > 1


def test_one_job_is_posted_and_visible(up, site):
    up.post("/batches", {"batch_id": "singles", "jobs": []})
    up.post("/batches/singles/toggle-active")
    bodies = [{**job, "batch_id": "singles"} for job in jobs(site, "single", 200)]
    times = sorted(timed(lambda b=body: up.post("/jobs", b)) * 1000 for body in bodies)
    row(
        "POST of one job until 201, idle: p50",
        statistics.median(times),
        "ms",
        "200 posts, a new connection each",
    )
    row("POST of one job until 201, idle: p95", times[189], "ms", "the same")
    assert times[0] < 1000


def test_a_batch_of_ten_thousand_is_posted_and_visible(up, site):
    def run(number):
        name = f"large-{number}"
        body = {"batch_id": name, "jobs": jobs(site, name, 10_000)}
        took = timed(lambda: up.post("/batches", body))
        up.delete(f"/batches/{name}")
        return took

    times = [run(number) for number in range(RUNS)]
    row(
        "POST of a batch of 10,000 jobs until 201",
        statistics.median(times),
        "s",
        f"{min(times):.1f} to {max(times):.1f}, {RUNS} runs",
    )
    assert max(times) < 30
