"""Reads of a projection of 100,000 jobs in SQLite, and its rebuild.

The jobs belong to five users; each of them may read a tenth of all jobs alone, and the half that
is public. More than half are completed, a tenth is failed, and the others wait.
"""

import random
import time
from itertools import product
from resource import RUSAGE_CHILDREN, getrusage

import pytest
from bench_machine import machine, states
from client import batch_body
from deployment import ran
from table import figures, percentile

from eventjob.bus import subjects

pytestmark = pytest.mark.bench
RUNS = 3
READS = 300
SMALL, LARGE = 10_000, 100_000
BATCHES = 10
IN_EACH = (LARGE - SMALL) // BATCHES  # of the large batches
USERS = [f"user-{number}" for number in range(5)]
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


@pytest.fixture(scope="module")
def running():
    with machine() as running:
        yield running


@pytest.fixture(scope="module")
def small_cursor_ms(running):
    """What was measured when there were 10,000 jobs, for there are 100,000 now."""
    fill(running, "small", SMALL)
    small_ms = cursor_p95_ms(running, "small")
    fill(running, "large", LARGE - SMALL)
    assert {running.client.total("", user) for user in USERS} == {LARGE * 6 // 10}
    return small_ms


def fill(running, name, count):
    """Ten batches: five that are completed, four that wait, and one that is failed."""
    running.start_worker()
    for number in range(BATCHES):
        is_public = number >= BATCHES // 2
        if number == BATCHES // 2:
            running.processes.stop("instant_worker.py")
        batch, visibility = f"{name}-{number}", "public" if is_public else "private"
        body = batch_body(batch, count // BATCHES, access_control={"visibility": visibility})
        if is_public:
            running.post(batch, body, owner(number))
        else:
            running.run(batch, body, count // BATCHES, owner(number))
    answer = running.client.post("/batches/fail-all", b"{}", USERS[-1])
    assert answer.json["updated_count"] == 1


def owner(number):
    return USERS[number % len(USERS)]


def pages(name):
    """Lists to read, and for each of them who reads it."""
    listed = product(FILTERS, ("created_at", "updated_at"), ("desc", "asc"), USERS)
    return [
        (f"/jobs?limit=50&sort={sort}&order={order}&{filters.format(name=name)}", user)
        for filters, sort, order, user in listed
    ]


def read(running, path, user, check):
    """Milliseconds until the answer."""
    began = time.perf_counter()
    answer = running.client.get(path, user)
    took_s = time.perf_counter() - began
    assert answer.status == 200, answer
    check(answer.json, (took_s * 1000, path))
    return took_s * 1000


def cursor_p95_ms(running, name):
    """The p95 of each run over all lists, from the beginning and from the middle on."""
    places = []
    for path, user in pages(name):
        middle = running.client.get(path, user).json["total"] // 2
        next_ = running.client.get(f"{path}&skip={middle}", user).json.get("next")
        places += [(f"{path}&cursor={at}", user) for at in ("", next_) if at is not None]

    def check(answer, _):
        assert "total" not in answer

    return p95_ms(running, places, check)


def p95_ms(running, places, check):
    """The p95 of each run over all reads, in any order."""
    return [
        percentile([read(running, *place, check) for place in shuffled], 95)
        for shuffled in (random.sample(places, len(places)) for _ in range(RUNS))
    ]


@pytest.mark.usefixtures("small_cursor_ms")
def test_one_job_is_read(running, table):
    def check(answer, told):
        assert answer["job"]["job_id"] == told[1].removeprefix("/jobs/")

    chosen = [(random.randrange(BATCHES), random.randint(1, IN_EACH)) for _ in range(READS)]
    places = [(f"/jobs/job-large-{number}.{n}", owner(number)) for number, n in chosen]
    table.add(
        "GET one job of 100,000, p95",
        p95_ms(running, places, check),
        "ms",
        f"random jobs, half of them with results read from artifacts; p95 of {READS} reads",
        at_most=5,
    )


@pytest.mark.usefixtures("small_cursor_ms")
def test_a_page_is_read_with_its_total(running, table):
    all_told = []

    def check(answer, told):
        all_told.append(told)
        assert len(answer["jobs"]) == min(50, answer["total"])

    samples = p95_ms(running, pages("large"), check)
    slowest_ms, path = max(all_told)
    table.add(
        "page of 50 with its total, of 100,000, p95",
        samples,
        "ms",
        f"{len(FILTERS)} filters, two sorts, two orders, {len(USERS)} users; the slowest took "
        f"{slowest_ms:.0f} ms: {path}",
        at_most=20,
    )


def test_a_page_is_read_with_a_cursor(running, small_cursor_ms, table):
    large_ms = cursor_p95_ms(running, "large")
    compared = "the same lists, from their beginning and from the middle on, without a total"
    table.add("page of 50 with a cursor, of 100,000, p95", large_ms, "ms", compared, at_most=5)
    table.add(
        "  its time against that of 10,000",
        [large / small for large, small in zip(large_ms, small_cursor_ms, strict=True)],
        "x",
        f"p95 of the same lists when there were 10,000 jobs: {figures(small_cursor_ms)} ms",
        at_most=1.2,
    )


@pytest.mark.usefixtures("small_cursor_ms")
def test_the_projection_is_built_anew(running, table):
    (log,) = states(running.environ, subjects.EVENTS)
    assert log.messages > LARGE
    used_s, rates = getrusage(RUSAGE_CHILDREN).ru_utime, []
    for _ in range(RUNS):
        began = time.perf_counter()
        code, _, errors = ran(running.environ, "rebuild", within_s=300)
        assert code == 0, errors[-2000:]
        rates.append(log.messages / (time.perf_counter() - began))
    used_s = getrusage(RUSAGE_CHILDREN).ru_utime - used_s
    table.add(
        "eventjob rebuild",
        rates,
        "events/s",
        f"{log.messages:,} events of {LARGE:,} jobs, on the running deployment; from the command's "
        f"start until its end; {used_s / RUNS / log.messages * 1e6:.0f} us of its own user CPU "
        "time for each",
        at_least=10_000,
    )
    running.check_visible("large-7", IN_EACH, owner(7))
