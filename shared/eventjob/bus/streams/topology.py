"""Configuration of streams and consumers, and their creation.

EVENTS and CMD are on disk. TASKS and REPORTS follow from the events, so they are in memory. On
disk each of their acks costs a tombstone with an fsync: 3,100 jobs/s instead of 9,600.
"""

from datetime import timedelta

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)

from eventjob.bus import subjects
from eventjob.bus.streams.ensure import ensure_stream
from eventjob.bus.wire.connection import Connection
from eventjob.contracts.announcements import WorkKind

ACK_WAIT_S = 30.0
MAX_ACK_PENDING = 4000  # below the commands that a group remembers
DUPLICATE_WINDOW_S = timedelta(minutes=2).total_seconds()

EVENTS = StreamConfig(
    name=subjects.EVENTS,
    subjects=["ev.>"],
    retention=RetentionPolicy.LIMITS,
    storage=StorageType.FILE,
    discard=DiscardPolicy.NEW,  # a full log refuses new events: old ones are never lost
    deny_delete=True,  # the log is append-only; deletions of users purge whole subjects
    allow_atomic=True,
    allow_direct=True,
    duplicate_window=1.0,  # unused: the subject's last sequence guards each event
)
CMD = StreamConfig(
    name=subjects.CMD,
    subjects=["cmd.*"],
    retention=RetentionPolicy.WORK_QUEUE,
    storage=StorageType.FILE,
    discard=DiscardPolicy.NEW,
    allow_atomic=True,
    duplicate_window=DUPLICATE_WINDOW_S,
)
PARKED = StreamConfig(
    name=subjects.PARKED,
    subjects=["parked.>"],
    retention=RetentionPolicy.LIMITS,
    storage=StorageType.FILE,
    discard=DiscardPolicy.NEW,
    allow_direct=True,
)
TASKS = StreamConfig(
    name=subjects.TASKS,
    subjects=["task.>"],
    retention=RetentionPolicy.WORK_QUEUE,
    storage=StorageType.MEMORY,
    discard=DiscardPolicy.NEW,
    discard_new_per_subject=True,  # a task that is out is never out twice
    max_msgs_per_subject=1,
    allow_atomic=True,
    duplicate_window=1.0,
)
REPORTS = StreamConfig(
    name=subjects.REPORTS,
    subjects=["rep.*"],
    retention=RetentionPolicy.WORK_QUEUE,
    storage=StorageType.MEMORY,
    discard=DiscardPolicy.NEW,
    duplicate_window=1.0,
)
LASTING = (EVENTS, CMD, PARKED)
DERIVED = (TASKS, REPORTS)
WORK_KINDS: tuple[WorkKind, ...] = ("fetch", "archive")


async def ensure_streams(connection: Connection) -> None:
    """Create the missing streams; an existing one keeps its settings.

    Raises:
        Unavailable: one is missing, and this user may not create it.
        nats.errors.Error: the server refuses, or does not answer.
    """
    for config in (*LASTING, *DERIVED):
        await ensure_stream(connection, config)


async def ensure_consumers(jetstream: JetStreamContext, *, derived_only: bool = False) -> None:
    """Create the durable consumers of scheduler and workers, or only those on `DERIVED`."""
    for token in subjects.ALL_PARTITIONS:
        durable = subjects.scheduler_durable(token)
        if not derived_only:
            command = _consumer(durable, subjects.command_subject(token))
            await jetstream.add_consumer(subjects.CMD, command)
        report = _consumer(durable, subjects.report_subject(token))
        await jetstream.add_consumer(subjects.REPORTS, report)
    for kind in WORK_KINDS:
        config = _consumer(subjects.worker_durable(kind), f"task.{kind}.>")
        await jetstream.add_consumer(subjects.TASKS, config)


def _consumer(durable: str, filter_subject: str) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=durable,
        filter_subject=filter_subject,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT_S,
        max_ack_pending=MAX_ACK_PENDING,
        max_waiting=512,  # pulls of all workers of a kind
    )
