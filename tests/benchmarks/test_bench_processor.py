"""A processor process and its pool, beside the bare cost of fetching and reading the same pages."""

import statistics
from collections import Counter

import pytest
from adapter_pages import PLAIN
from alone import Alone, alone
from deployed import command, environ
from processes import line_of
from table import at_least, at_most

pytestmark = pytest.mark.bench
ROUNDS = 5
PAGES = 500
WARM_UP = 500
MANY_PAGES = 5_000
GROWN_PERCENT = 5


@pytest.fixture(scope="module")
def processor():
    with alone() as processor:
        processor.work("warmup", WARM_UP)
        yield processor


class Rounds:
    """The processor's and the bare pool's, in turns."""

    def __init__(self) -> None:
        self.ours: list[float] = []  # pages/s
        self.bare: list[float] = []
        self.bare_ms: list[float] = []  # of CPU time for each page, outside the pool
        self.p99_ms: list[float] = []
        self.most_ms = 0.0
        self.used_ms: Counter[str] = Counter()  # of CPU time in all, by process

    def run(self, processor: Alone, name: str) -> None:
        before = processor.cpu_s()
        processor.late()
        self.ours.append(processor.work(name, PAGES))
        late = processor.late()
        self.p99_ms.append(late.p99_ms)
        self.most_ms = max(self.most_ms, late.most_ms)
        for process, used_s in processor.cpu_s().items():
            self.used_ms[process] += (used_s - before[process]) * 1000
        rate, used_ms = bare(processor, name)
        self.bare.append(rate)
        self.bare_ms.append(used_ms)


def bare(processor: Alone, name: str) -> tuple[float, float]:
    """Pages per second, of the same pages, and CPU milliseconds for each, outside the pool."""
    program = command("bare_pool.py", str(processor.port), name, str(PAGES))
    line = line_of(processor.processes.start("bare", program, environ()))
    processor.processes.stop("bare")
    rate, used_ms = map(float, line.split())
    return rate, used_ms


@pytest.mark.parametrize(
    ("kind", "name", "reach"),
    [
        ("adapter pages", "round", at_least(150)),
        ("pages that no adapter knows", PLAIN, None),
    ],
)
def test_a_processor_and_its_pool(processor, table, kind, name, reach):
    rounds = Rounds()
    for number in range(ROUNDS):
        rounds.run(processor, f"{name}{number}")
    pages = PAGES * ROUNDS
    shares = ", ".join(f"{name} {ms / pages:.1f}" for name, ms in rounds.used_ms.most_common())
    table.add(
        f"{kind}, one processor and its pool",
        rounds.ours,
        "pages/s",
        f"{PAGES} pages of 4 KB, 16 at a time, from the first task on until all are stored, fsync "
        "always; no pause between requests, no scheduler, no ZIP. CPU milliseconds for each page: "
        f"{shares}",
        reach,
    )
    table.add(
        "  fetched and read by a bare pool",
        rounds.bare,
        "pages/s",
        "the same pages, fetcher and pool, 16 at a time, and nothing else; CPU milliseconds for "
        f"each page outside the pool: {statistics.median(rounds.bare_ms):.1f}",
    )
    table.add(
        "  the processor against that",
        [100 * ours / bare for ours, bare in zip(rounds.ours, rounds.bare, strict=True)],
        "%",
        "in turns; the site is a process of its own, on the same cores",
        at_least(90),
    )
    table.add(
        "  lag of the processor's event loop, p99",
        rounds.p99_ms,
        "ms",
        f"looked at every 5 ms during these rounds; the most was {rounds.most_ms:.0f} ms",
        at_most(20),
    )


def test_memory_does_not_grow(processor, table):
    before_mb = processor.memory_mb()
    processor.work("many", MANY_PAGES)
    grown = 100 * (processor.memory_mb() / before_mb - 1)
    table.add(
        f"memory of processor and pool, {MANY_PAGES:,} pages later",
        [grown],
        "%",
        f"PSS of the processor and its two parsing processes, more than the {before_mb:.0f} MB "
        "that they had before",
        at_most(GROWN_PERCENT),
    )
