"""Build tasks from the events that describe their jobs, and publish them."""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter

import msgspec

from eventjob.bus import subjects
from eventjob.bus.errors import Unavailable
from eventjob.bus.log.log import EventLog
from eventjob.bus.wire.connection import Connection
from eventjob.bus.wire.publish import MAX_BATCH_MESSAGES, Outgoing, Rejected, publish
from eventjob.contracts.base import JobSpec
from eventjob.contracts.events import Event, JobsAdded, JobSubmitted
from eventjob.contracts.work import BuildArchive, FetchSession, PackBatch, Task
from eventjob.domain.batch import Group, ZipBuilding
from eventjob.domain.ids import format_job_id
from eventjob.domain.job import Fetching, Zipping
from services.scheduler.agenda import TaskKey
from services.scheduler.memory import Entry, Memory

CACHED_EVENTS = 400  # of up to 100 jobs or 256 KB each
DUPLICATE_TASK = 10077  # err_code: the subject holds this task from an earlier try

_encoder = msgspec.json.Encoder()
_first_number = attrgetter("first")


class Tasks:
    """Builds and publishes tasks; caches the job specs that were read last."""

    def __init__(
        self, connection: Connection, log: EventLog, memory: Memory, timeout: timedelta
    ) -> None:
        self._connection = connection
        self._log = log
        self._memory = memory
        self._timeout = timeout
        # the memory holds no parameters: specs are read from their event when needed
        self._specs: OrderedDict[int, tuple[int, list[JobSpec]]] = OrderedDict()

    def remember(self, sequence: int, event: Event) -> None:
        """Cache the job specs of an event that was just appended."""
        match event:
            case JobSubmitted():
                self._specs[sequence] = (1, [event.job])
            case JobsAdded():
                self._specs[sequence] = (event.first, event.jobs)
            case _:
                return
        if len(self._specs) > CACHED_EVENTS:
            self._specs.popitem(last=False)

    async def hand_out(self, keys: Sequence[TaskKey], at: datetime) -> None:
        """Publish the tasks of ``keys``, all of which the agenda counts as out.

        Raises:
            Unavailable: it is unknown which of them were stored.
        """
        messages = [await self._build_message(key, at) for key in keys]
        for first in range(0, len(messages), MAX_BATCH_MESSAGES):
            await self._publish(messages[first : first + MAX_BATCH_MESSAGES])

    async def _publish(self, messages: list[Outgoing]) -> None:
        try:
            await publish(self._connection, messages)
        except Rejected as error:
            if error.code != DUPLICATE_TASK:
                raise Unavailable(f"tasks were refused: {error}") from error
            # the batch was refused as a whole: send its other tasks one by one
            if len(messages) > 1:
                for message in messages:
                    await self._publish([message])

    async def _build_message(self, key: TaskKey, at: datetime) -> Outgoing:
        entry = self._memory.entry(key.group)
        task = await self._build_task(key, entry, at)
        subject = subjects.task_subject(key.kind, key.group, key.n, key.attempt)
        return Outgoing(subject, _encoder.encode(task))

    async def _build_task(self, key: TaskKey, entry: Entry, at: datetime) -> Task:
        if not key.n:
            return _pack_batch(entry.group, key)
        state = entry.group.job(key.n)
        job = format_job_id(key.group, key.n)
        match state:
            case Fetching():
                spec = await self._load_spec(entry, key.n)
                return FetchSession(
                    job_id=job,
                    group=key.group,
                    n=key.n,
                    attempt=key.attempt,
                    deadline=state.deadline,
                    parameters=spec.parameters,
                )
            case Zipping():
                # the archiver's time starts now: until now the task was waiting in the agenda
                deadline = at + self._timeout
                self._memory.agenda.expect_archive(key, deadline)
                return BuildArchive(
                    job_id=job,
                    group=key.group,
                    n=key.n,
                    attempt=key.attempt,
                    deadline=deadline,
                    bundle=state.bundle,
                )
            case _:
                raise Unavailable(f"{job} has no running attempt")  # stale memory: fold again

    async def _load_spec(self, entry: Entry, n: int) -> JobSpec:
        location = entry.specs_at[bisect_right(entry.specs_at, n, key=_first_number) - 1]
        if location.sequence not in self._specs:
            record = await self._log.read_at(location.sequence)
            if record is None:
                raise Unavailable(f"event {location.sequence} is gone")
            self.remember(location.sequence, record.event)
        self._specs.move_to_end(location.sequence)
        first, jobs = self._specs[location.sequence]
        return jobs[n - first]


def _pack_batch(group: Group, key: TaskKey) -> PackBatch:
    if not isinstance(group.zip, ZipBuilding):
        raise Unavailable(f"no ZIP of {group.id} is requested")  # stale memory: fold again
    return PackBatch(group=group.id, attempt=key.attempt, deadline=group.zip.deadline)
