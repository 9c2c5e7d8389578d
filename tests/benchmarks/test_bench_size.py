"""What a job leaves behind: in the log, in the projection, and in the memory of the processes."""

import asyncio
from pathlib import Path

import pytest
from client import batch_body
from deployment import eventually
from processes import pss_mb
from whole_machine import Machine

from eventjob.bus.wire.connection import connect

pytestmark = pytest.mark.bench
BATCHES = 6
JOBS = 10_000  # in each of them
WITHIN_S = 60.0


def test_what_a_job_leaves(table):
    with Machine() as machine:
        machine.start_worker()
        machine.run("warmup", batch_body("warmup", JOBS), JOBS)
        before = sizes(machine)
        for number in range(BATCHES):
            name = f"batch{number}"
            machine.run(name, batch_body(name, JOBS), JOBS)
        after = sizes(machine)
    jobs = BATCHES * JOBS
    for what, value in after.items():
        table.add(
            f"{what}, a finished job",
            [(value - before[what]) / jobs],
            "bytes" if what != "events in the log" else "events",
            f"after {jobs:,} jobs in batches of {JOBS:,} with an instant worker, whose parameters "
            "and results are short, less what was there after the first 10,000",
        )


def sizes(machine: Machine) -> dict[str, float]:
    """Bytes, but for the number of events, when nothing is left to do."""
    eventually("backlog", WITHIN_S, lambda: asyncio.run(waiting(machine)) == 0)
    state = asyncio.run(stream(machine, "EVENTS"))
    memory = {
        f"memory of {name}": pss_mb([machine.processes.pid(name)]) * 1024 * 1024
        for name in ("nats-server", "scheduler", "projector", "api")
    }
    return {
        "events in the log": float(state.messages),
        "the log": float(state.bytes),
        "the log's folder": folder_bytes(machine.folder / "nats" / "jetstream"),
        "projection in SQLite": folder_bytes(machine.folder / "data", "projection*"),
        **memory,
    }


async def waiting(machine: Machine) -> int:
    return sum([(await _state(machine, name)).messages for name in ("CMD", "TASKS", "REPORTS")])


async def stream(machine: Machine, name: str):
    return await _state(machine, name)


async def _state(machine: Machine, name: str):
    environ = machine.environ
    connection = await connect(
        environ["EVENTJOB_NATS_URL"],
        name="bench",
        user=environ["EVENTJOB_NATS_USER"],
        password=environ["EVENTJOB_NATS_PASSWORD"],
    )
    try:
        return (await connection.jetstream.stream_info(name)).state
    finally:
        await connection.close()


def folder_bytes(folder: Path, pattern: str = "*") -> float:
    return float(sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file()))
