"""What all of `up` needs: memory and processor time while idle, and memory at work."""

import time

import pytest
from deployed import deployed
from processes import cpu_s, pss_mb
from table import at_most

pytestmark = pytest.mark.bench
RUNS = 3
JOBS = 10_000
SETTLED_AFTER_S = 5.0
IDLE_S = 20.0
BUSY_S = 20.0
SAMPLE_S = 0.5


def test_memory_and_idle_processor_time(table):
    runs = [run() for _ in range(RUNS)]
    idle_mb, idle_percent, busy_mb, completed = zip(*runs, strict=True)
    table.add(
        "memory of `up`, idle",
        idle_mb,
        "MB",
        "sum of PSS over all its processes, nats-server too; one processor with its two parsing "
        f"processes, after {SETTLED_AFTER_S:g} s",
        at_most(450),
    )
    table.add(
        "processor time of `up`, idle",
        idle_percent,
        "%",
        f"of one core, all processes, over {IDLE_S:g} s",
        at_most(3),
    )
    table.add(
        "memory of `up`, 10,000 jobs running",
        busy_mb,
        "MB",
        f"the most of samples every {SAMPLE_S:g} s, from the POST of 10,000 jobs on for "
        f"{BUSY_S:g} s; real processor on the tests' site without pauses, of which by then "
        f"{', '.join(map(str, completed))} were completed",
        at_most(900),
    )


def run():
    """Idle MB, idle % of a core, most MB, and the jobs completed meanwhile, of a new `up`."""
    with deployed() as product:
        time.sleep(SETTLED_AFTER_S)
        idle_mb = pss_mb(pids(product))
        idle_percent = used_percent(product)
        product.post("batch", JOBS)
        busy_mb = most_mb(product)
        completed = product.completed("batch")
        assert 0 < completed < JOBS
        return idle_mb, idle_percent, busy_mb, completed


def pids(product):
    return [product.up.process.pid, *product.up.descendants()]


def used_percent(product):
    """Of one core, over a while in which nobody asks for anything."""
    before = {pid: cpu_s(pid) for pid in pids(product)}
    began = time.perf_counter()
    time.sleep(IDLE_S)
    used_s = sum(cpu_s(pid) - before[pid] for pid in before)
    assert pids(product) == list(before), "a process has been replaced"
    return 100 * used_s / (time.perf_counter() - began)


def most_mb(product):
    until = time.monotonic() + BUSY_S
    most = 0.0
    while time.monotonic() < until:
        most = max(most, pss_mb(pids(product)))
        time.sleep(SAMPLE_S)
    return most
