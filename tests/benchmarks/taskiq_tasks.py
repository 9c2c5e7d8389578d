"""The task that taskiq runs for comparison, and its broker: `taskiq worker taskiq_tasks:broker`."""

import os

from taskiq import TaskiqEvents, TaskiqState
from taskiq_nats import PullBasedJetStreamBroker

from eventjob.runtime.die_with_parent import die_with

DONE = "bench.done"
WARM_UP, RUN = 500, 10_000

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


@broker.task
async def nothing() -> None:
    """Does nothing, and says when the last of some has run."""
    global _count  # noqa: PLW0603 - a task is a function
    _count += 1
    if _count % (WARM_UP + RUN) in {0, WARM_UP}:
        await broker.client.publish(DONE, b"")
