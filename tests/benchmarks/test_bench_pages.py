"""Real pages: all of `up` with one processor, beside a bare loop over the same pages."""

import time
from collections import Counter

import pytest
from deployed import Deployed, deployed
from deployment import eventually
from table import at_least

pytestmark = pytest.mark.bench
ROUNDS = 3
PAGES = 400
WARM_UP = 40
WITHIN_S = 120.0


@pytest.fixture
def product():
    with deployed() as product:
        product.post("warmup", WARM_UP)
        eventually("warm-up", WITHIN_S, lambda: product.completed("warmup") == WARM_UP)
        yield product


class Rounds:
    """Ours and the bare loop's, in turns."""

    def __init__(self) -> None:
        self.ours: list[float] = []  # jobs/s
        self.bare: list[float] = []  # pages/s
        self.ours_ms: Counter[str] = Counter()  # of CPU time in all, by service
        self.bare_ms = 0.0

    def run(self, product: Deployed, name: str) -> None:
        """A round: from the POST until the last ZIP is there, then the same pages alone."""
        before = product.cpu_s()
        began = time.perf_counter()
        product.post(name, PAGES)
        eventually(name, WITHIN_S, lambda: product.completed(name) == PAGES)
        self.ours.append(PAGES / (time.perf_counter() - began))
        for service, used_s in product.cpu_s().items():
            self.ours_ms[service] += (used_s - before[service]) * 1000
        line = product.program("bare_loop.py", str(product.site_port), name, str(PAGES))
        took_s, used_s = map(float, line.split())
        self.bare.append(PAGES / took_s)
        self.bare_ms += used_s * 1000


def test_real_pages(product, table):
    rounds = Rounds()
    for number in range(ROUNDS):
        rounds.run(product, f"round{number}")
    pages = PAGES * ROUNDS
    shares = ", ".join(f"{name} {ms / pages:.1f}" for name, ms in rounds.ours_ms.most_common())
    table.add(
        "real pages, one processor",
        rounds.ours,
        "jobs/s",
        f"{PAGES} small pages of the tests' site, from POST until all ZIPs are there; no pause "
        f"between requests, 16 at a time, all of `up`. CPU milliseconds for each job: {shares}; "
        f"{rounds.ours_ms.total() / pages:.1f} in all",
    )
    table.add(
        "  a bare loop over the same pages",
        rounds.bare,
        "pages/s",
        "in one process, 16 at a time: the processor's own fetch, extraction and Markdown; no bus, "
        "no robots.txt, no turns, no other processes, nothing stored, no ZIP. CPU milliseconds "
        f"for each page: {rounds.bare_ms / pages:.1f}",
    )
    table.add(
        "  one processor against the bare loop",
        [100 * ours / bare for ours, bare in zip(rounds.ours, rounds.bare, strict=True)],
        "%",
        "in turns; the site is a process of its own, on the same cores",
        at_least(80),
    )
