"""The whole machine with a worker that answers at once, beside taskiq on the same server."""

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest
from client import batch_body
from processes import line_of
from table import at_least, at_most
from whole_machine import HERE, Machine

from eventjob.runtime import die_with_parent

pytestmark = pytest.mark.bench
ROUNDS = 3
JOBS = 10_000
WARM_UP = 500
OURS = ("nats-server", "api", "projector", "scheduler", "worker")
WHOLE = (
    "from sending POST /batches (10,000 jobs of 360 bytes) until GET says that all are completed; "
    "api, projector and scheduler as `up` starts them, the bench answers fetch and archive at once"
)
TASKIQ = (
    "taskiq {}, taskiq-nats {}, on the same server between our batches: 10,000 no-op tasks kicked "
    "with 64 in flight until all have run; pull broker, 100 at a time, one process, no results"
)


class Measured(NamedTuple):
    """One server's rounds, ours and taskiq's in turns."""

    created_s: list[float]
    rates: list[float]  # jobs/s
    taskiq: list[float]  # tasks/s
    cpu_us: dict[str, float]  # for each job, by process
    late: int  # batches that were answered 202

    @property
    def ratios(self) -> list[float]:
        return [ours / theirs for ours, theirs in zip(self.rates, self.taskiq, strict=True)]

    @property
    def growth(self) -> float:
        """Of the rate, from the first batch to the last."""
        return self.rates[-1] / self.rates[0]


def measured(*, fsync: bool) -> Measured:
    with Machine(fsync=fsync) as machine:
        machine.start_worker()
        start_taskiq(machine)
        machine.run("warm-up", batch_body("warm-up", WARM_UP), WARM_UP)
        result = Measured([], [], [], dict.fromkeys(OURS, 0.0), 0)
        for round_ in range(ROUNDS):
            body = batch_body(f"batch-{round_}", JOBS)
            before = machine.processes.cpu_s()
            created_s, took_s = machine.run(f"batch-{round_}", body, JOBS)
            after = machine.processes.cpu_s()
            for name in result.cpu_us:
                result.cpu_us[name] += (after[name] - before[name]) / JOBS / ROUNDS * 1e6
            result.created_s.append(created_s)
            result.rates.append(JOBS / took_s)
            result.taskiq.append(JOBS / taskiq_s(machine))
        machine.processes.kill("taskiq")  # asked to end, it would wait for tasks for ever
        return result._replace(late=machine.late)


def start_taskiq(machine: Machine) -> None:
    """Its worker, which then stays: a server gives tasks to one that has died for 30 s."""
    shim = (sys.executable, die_with_parent.__file__, str(os.getpid()))
    taskiq = str(Path(sys.executable).with_name("taskiq"))
    options = ("taskiq_tasks:broker", "--workers", "1", "--log-level", "WARNING")
    machine.processes.start("taskiq", (*shim, taskiq, "worker", *options), beside(machine))


def taskiq_s(machine: Machine) -> float:
    """Seconds that taskiq takes for 10,000 tasks."""
    command = (sys.executable, str(HERE / "taskiq_kick.py"))
    took_s = float(line_of(machine.processes.start("kick", command, beside(machine))))
    machine.processes.stop("kick")
    return took_s


def beside(machine: Machine) -> dict[str, str]:
    """An environment in which taskiq finds its tasks, and the server."""
    return {**machine.environ, "PYTHONPATH": str(HERE)}


def test_the_whole_machine_with_fsync(table):
    result = measured(fsync=True)
    table.add(
        "POST of a batch of 10,000 jobs until 201",
        result.created_s,
        "s",
        "and visible in every read, while the worker below is already at work on them; "
        f"{result.late} answered 202 before that",
        at_most(0.7),
    )
    shares = ", ".join(f"{name} {used:.0f}" for name, used in result.cpu_us.items())
    table.add(
        "the whole machine, fsync always",
        result.rates,
        "jobs/s",
        f"{WHOLE}. CPU microseconds for each job: {shares}; {sum(result.cpu_us.values()):.0f} "
        "in all",
        at_least(6_000),
    )
    table.add(
        "  its last batch against its first",
        [result.growth],
        "x",
        "three batches in a row on the same streams: " + figures(result.rates),
        at_least(1.0),
    )
    add_taskiq(table, result, "fsync always", at_least(2.0))


def test_the_whole_machine_without_fsync(table):
    result = measured(fsync=False)
    table.add("the whole machine, default sync", result.rates, "jobs/s", WHOLE)
    add_taskiq(table, result, "default sync", None)


def add_taskiq(table, result, server, reach):
    table.add(
        f"  taskiq, {server}",
        result.taskiq,
        "tasks/s",
        TASKIQ.format(version("taskiq"), version("taskiq-nats")),
    )
    table.add(
        f"  the whole machine against taskiq, {server}",
        result.ratios,
        "x",
        f"in turns: {figures(result.rates)} jobs/s, and {figures(result.taskiq)} tasks/s",
        reach,
    )


def figures(rates):
    return ", ".join(f"{rate:,.0f}" for rate in rates)
