"""Handing tasks out: each is built from the event that describes its job."""

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

REMEMBERED_EVENTS = 400  # of up to 100 jobs or 256 KB each
TAKEN = 10077  # the task is there already: it was handed out before

_encoder = msgspec.json.Encoder()
_first = attrgetter("first")


class Tasks:
    """Builds and publishes tasks; keeps the descriptions it read last."""

    def __init__(
        self, connection: Connection, log: EventLog, memory: Memory, timeout: timedelta
    ) -> None:
        self._connection = connection
        self._log = log
        self._memory = memory
        self._timeout = timeout
        self._known: OrderedDict[int, tuple[int, list[JobSpec]]] = OrderedDict()

    def remember(self, sequence: int, event: Event) -> None:
        """Keep the descriptions of an event that was just appended."""
        match event:
            case JobSubmitted():
                self._known[sequence] = (1, [event.job])
            case JobsAdded():
                self._known[sequence] = (event.first, event.jobs)
            case _:
                return
        if len(self._known) > REMEMBERED_EVENTS:
            self._known.popitem(last=False)

    async def hand_out(self, errands: Sequence[TaskKey], at: datetime) -> None:
        """Publish the tasks of ``errands``, all of which are counted as out.

        Raises:
            Unavailable: nobody knows which of them are out.
        """
        messages = [await self._message(errand, at) for errand in errands]
        for first in range(0, len(messages), MAX_BATCH_MESSAGES):
            await self._publish(messages[first : first + MAX_BATCH_MESSAGES])

    async def _publish(self, messages: list[Outgoing]) -> None:
        try:
            await publish(self._connection, messages)
        except Rejected as error:
            if error.code != TAKEN:
                raise Unavailable(f"tasks were refused: {error}") from error
            if len(messages) > 1:
                for message in messages:
                    await self._publish([message])

    async def _message(self, errand: TaskKey, at: datetime) -> Outgoing:
        entry = self._memory.entry(errand.group)
        task = await self._task(errand, entry, at)
        subject = subjects.task_subject(errand.kind, errand.group, errand.n, errand.attempt)
        return Outgoing(subject, _encoder.encode(task))

    async def _task(self, errand: TaskKey, entry: Entry, at: datetime) -> Task:
        if not errand.n:
            return _pack(entry.group, errand)
        state = entry.group.job(errand.n)
        job = format_job_id(errand.group, errand.n)
        match state:
            case Fetching():
                spec = await self._describe(entry, errand.n)
                return FetchSession(
                    job_id=job,
                    group=errand.group,
                    n=errand.n,
                    attempt=errand.attempt,
                    deadline=state.deadline,
                    parameters=spec.parameters,
                )
            case Zipping():
                deadline = at + self._timeout
                self._memory.agenda.expect_archive(errand, deadline)
                return BuildArchive(
                    job_id=job,
                    group=errand.group,
                    n=errand.n,
                    attempt=errand.attempt,
                    deadline=deadline,
                    bundle=state.bundle,
                )
            case _:
                raise Unavailable(f"{job} is not at work")  # the memory moved: fold anew

    async def _describe(self, entry: Entry, n: int) -> JobSpec:
        place = entry.places[bisect_right(entry.places, n, key=_first) - 1]
        if place.sequence not in self._known:
            record = await self._log.read_at(place.sequence)
            if record is None:
                raise Unavailable(f"event {place.sequence} is gone")
            self.remember(place.sequence, record.event)
        self._known.move_to_end(place.sequence)
        first, jobs = self._known[place.sequence]
        return jobs[n - first]


def _pack(group: Group, errand: TaskKey) -> PackBatch:
    if not isinstance(group.zip, ZipBuilding):
        raise Unavailable(f"nobody asked for a ZIP of {group.id}")  # the memory moved: fold anew
    return PackBatch(group=group.id, attempt=errand.attempt, deadline=group.zip.deadline)
