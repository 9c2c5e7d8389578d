"""The task that taskiq runs for comparison, and its broker: `taskiq worker taskiq_tasks:broker`.

As a script, it has taskiq run its tasks, and prints how many seconds that took.
"""

import asyncio
import os
import time

from taskiq import TaskiqEvents, TaskiqState
from taskiq_nats import PullBasedJetStreamBroker

from eventjob.runtime.die_with_parent import die_with

DONE = "bench.done"
WARM_UP, RUN = 500, 10_000
IN_FLIGHT = 64
WITHIN_S = 90.0

broker = PullBasedJetStreamBroker(
    servers=[os.environ["EVENTJOB_NATS_URL"]],
    user=os.environ["EVENTJOB_NATS_USER"],
    password=os.environ["EVENTJOB_NATS_PASSWORD"],
    pull_consume_batch=100,
)
_count = 0


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def follow(_: TaskiqState) -> None:
    """The worker ends with the process that manages it: asked to end, it would wait for tasks."""
    die_with(os.getppid())


@broker.task(task_name="nothing")
async def nothing() -> None:
    """Does nothing, and says when the last of some has run."""
    global _count  # noqa: PLW0603 - a task is a function
    _count += 1
    if _count % (WARM_UP + RUN) in {0, WARM_UP}:
        await broker.client.publish(DONE, b"")


async def kick(count: int) -> None:
    """Send ``count`` tasks, 64 at a time."""
    left = iter(range(count))

    async def some() -> None:
        for _ in left:
            await nothing.kiq()

    await asyncio.gather(*(some() for _ in range(IN_FLIGHT)))


async def main() -> float:
    await broker.startup()
    try:
        done = await broker.client.subscribe(DONE)
        await kick(WARM_UP)
        await done.next_msg(WITHIN_S)
        began = time.perf_counter()
        await kick(RUN)
        await done.next_msg(WITHIN_S)
        return time.perf_counter() - began
    finally:
        await broker.shutdown()


if __name__ == "__main__":
    print(asyncio.run(main()))
