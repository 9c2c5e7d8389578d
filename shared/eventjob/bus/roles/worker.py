"""The loop of a worker: pull tasks, run several at a time, report, and acknowledge last.

| the handler          | the broker gets                      | then                               |
|----------------------|--------------------------------------|------------------------------------|
| returns an outcome   | the report, then the acknowledgement | the scheduler decides              |
| raises `Unavailable` | a nak with a delay                   | the task comes back                |
| raises anything else | the same, at most `MAX_DELIVERIES`   | a bug: then the attempt has failed |
| is cancelled         | a nak                                | another worker takes it            |
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice

import msgspec

from eventjob.bus import subjects
from eventjob.bus.errors import Poison, Unavailable
from eventjob.bus.roles.announcements import ANNOUNCE_EVERY_S, announce
from eventjob.bus.roles.parking import park
from eventjob.bus.wire import frames
from eventjob.bus.wire.connection import Connection
from eventjob.bus.wire.publish import Outgoing, Rejected, publish
from eventjob.bus.wire.pull import Delivery, Pull, Source
from eventjob.contracts.announcements import WorkerAlive, WorkKind
from eventjob.contracts.base import UNREADABLE, JobError
from eventjob.contracts.work import Outcome, Report, Task, WorkFailed
from eventjob.runtime.async_tasks import cancel_and_wait
from eventjob.runtime.logs import Logger

POLL_EVERY_S = 1.0
KEEP_ALIVE_S = 10.0  # a third of the consumer's ack_wait
MAX_DELIVERIES = 3
MAX_OUTCOMES = 200  # in a report
MAX_REPORT_BYTES = 4 * 1024 * 1024  # half of max_payload
PAUSE_S = 0.5
FLUSH_WITHIN_S = 4.0
BUG_CODES: dict[WorkKind, str] = {"fetch": "extraction_failed", "archive": "archive_failed"}

_encoder = msgspec.json.Encoder()


class Finished(msgspec.Struct, frozen=True):
    """An outcome that is still to be reported."""

    delivery: Delivery
    outcome: Outcome


class Worker:
    """Runs tasks of one kind, ``capacity`` at a time."""

    def __init__(
        self,
        connection: Connection,
        *,
        name: str,
        kind: WorkKind,
        capacity: int,
        handler: Callable[[Task], Awaitable[Outcome]],
        log: Logger,
    ) -> None:
        self._connection = connection
        self._name = name
        self._kind = kind
        self._capacity = capacity
        self._handler = handler
        self._log = log
        self._running: dict[asyncio.Task[None], Delivery] = {}
        self._finished: dict[str, Finished] = {}  # by the delivery's reply subject
        self._changed = asyncio.Event()
        self._pull: Pull | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; then hand back running tasks and report finished ones."""
        async with asyncio.TaskGroup() as group:
            chores = [
                group.create_task(self._announce()),
                group.create_task(self._keep_alive()),
                group.create_task(self._report()),
            ]
            await self._take_tasks(stop)
            await self._hand_back()
            await cancel_and_wait(*chores)
        await self._say_goodbye()  # so that the scheduler sends nothing more at once

    async def _take_tasks(self, stop: asyncio.Event) -> None:
        """Pull as many tasks as there are free slots; start anew when the pulls are lost."""
        ended = asyncio.create_task(stop.wait())
        while not stop.is_set():
            self._pull = Pull(
                self._connection, [Source(subjects.TASKS, subjects.worker_durable(self._kind))]
            )
            pulling = asyncio.create_task(self._pull_tasks(self._pull))
            await asyncio.wait({ended, pulling}, return_when=asyncio.FIRST_COMPLETED)
            await cancel_and_wait(pulling)
            if pulling.cancelled():
                continue
            try:
                pulling.result()
            except Unavailable as reason:
                self._log.debug("worker.waits", reason=str(reason))
                await asyncio.wait({ended}, timeout=PAUSE_S)

    async def _pull_tasks(self, pull: Pull) -> None:
        await pull.open()
        try:
            while True:
                await pull.set_demand(0, self._capacity - len(self._running))
                for delivery in await pull.receive(self._capacity, within_s=POLL_EVERY_S):
                    self._begin(delivery)
        finally:
            await pull.close()

    def _begin(self, delivery: Delivery) -> None:
        task = asyncio.create_task(self._work(delivery))
        self._running[task] = delivery
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        if self._pull is not None:
            self._pull.wake()

    async def _work(self, delivery: Delivery) -> None:
        try:
            task = _decode(delivery)
            outcome = await self._handler(task)
        except asyncio.CancelledError:
            await self._again(delivery, 0)
            raise
        except Unavailable as reason:
            self._log.warning("task.postponed", task=delivery.subject, reason=str(reason))
            await self._again(delivery, reason.after.total_seconds())
        except Poison as reason:
            await self._park(delivery, str(reason))
        except Exception as bug:  # noqa: BLE001 - a bug must not end the loop
            self._log.exception("task.broke", task=delivery.subject, delivery=delivery.delivered)
            if delivery.delivered < MAX_DELIVERIES:
                await self._again(delivery, 5)
            else:
                self._finish(delivery, self._broken(task, bug))
        else:
            self._finish(delivery, outcome)

    def _finish(self, delivery: Delivery, outcome: Outcome) -> None:
        self._finished[delivery.reply] = Finished(delivery, outcome)
        self._changed.set()

    def _broken(self, task: Task, bug: Exception) -> WorkFailed:
        error = JobError(code=BUG_CODES[self._kind], message=f"internal error: {bug!r}"[:500])
        return WorkFailed(
            group=task.group,
            n=task.n,
            attempt=task.attempt,
            task=self._kind,
            error=error,
            transient=False,
        )

    async def _again(self, delivery: Delivery, after_s: float) -> None:
        payload = b"-NAK" + (b' {"delay": %d}' % int(after_s * 1e9) if after_s else b"")
        await frames.write(self._connection.client, [frames.encode_plain(delivery.reply, payload)])

    async def _park(self, delivery: Delivery, reason: str) -> None:
        try:
            await park(self._connection, delivery, reason)
        except Unavailable as fault:
            self._log.warning("task.postponed", task=delivery.subject, reason=str(fault))
            await self._again(delivery, fault.after.total_seconds())
            return
        self._log.error("task.parked", task=delivery.subject, reason=reason)
        await frames.write(self._connection.client, [frames.encode_plain(delivery.reply, b"+TERM")])

    async def _report(self) -> None:
        """Report finished tasks at once; those that finish meanwhile share the next report."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._flush()
            except Unavailable as reason:
                self._log.warning("report.waits", reason=str(reason), count=len(self._finished))
                await asyncio.sleep(PAUSE_S)
                self._changed.set()

    async def _flush(self) -> None:
        by_partition: dict[str, list[Finished]] = {}
        size = 0
        for finished in islice(self._finished.values(), MAX_OUTCOMES):
            size += len(_encoder.encode(finished.outcome))
            if by_partition and size > MAX_REPORT_BYTES:
                break
            token = subjects.token_of(finished.outcome.group)
            by_partition.setdefault(token, []).append(finished)
        for token, some in by_partition.items():
            report = Report(outcomes=[finished.outcome for finished in some])
            message = Outgoing(subjects.report_subject(token), _encoder.encode(report))
            try:
                await publish(self._connection, [message])
            except Rejected as error:
                raise Unavailable(f"the report was refused: {error}") from error
            # Acknowledged after the report is stored: a crash in between repeats, never loses.
            await frames.acknowledge(self._connection.client, (f.delivery.reply for f in some))
            for finished in some:
                self._finished.pop(finished.delivery.reply, None)
        if self._finished:
            self._changed.set()

    async def _announce(self) -> None:
        while True:
            await announce(self._connection, self._alive(self._capacity))
            await asyncio.sleep(ANNOUNCE_EVERY_S)

    async def _keep_alive(self) -> None:
        """Extend the ack deadline of tasks that are running or being reported."""
        while True:
            await asyncio.sleep(KEEP_ALIVE_S)
            held = [*self._running.values(), *(f.delivery for f in self._finished.values())]
            if held and self._connection.is_connected:
                progress = (frames.encode_plain(delivery.reply, b"+WPI") for delivery in held)
                await frames.write(self._connection.client, progress)

    async def _hand_back(self) -> None:
        await cancel_and_wait(*self._running)
        try:
            async with asyncio.timeout(FLUSH_WITHIN_S):
                while self._finished:
                    await self._flush()
        except (TimeoutError, Unavailable) as reason:
            self._log.warning("report.lost", reason=str(reason), count=len(self._finished))

    async def _say_goodbye(self) -> None:
        await announce(self._connection, self._alive(0))

    def _alive(self, capacity: int) -> WorkerAlive:
        return WorkerAlive(worker=self._name, kind=self._kind, capacity=capacity)


def _decode(delivery: Delivery) -> Task:
    if frames.is_server_answer(delivery.head, delivery.data):
        raise Poison(frames.FORGED)
    try:
        return _tasks.decode(delivery.data)
    except UNREADABLE as error:
        raise Poison(f"not a task: {error}") from error


_tasks: msgspec.json.Decoder[Task] = msgspec.json.Decoder(Task)
