"""One round: everything that is there is decided, appended, handed out, answered, acknowledged.

Acknowledged last: a crash anywhere lets the messages come back, and each step can happen twice.
Where somebody waits for an answer, it comes before what follows is handed out.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec

from eventjob.artifacts.store import ArtifactMissing, ArtifactsUnavailable
from eventjob.bus import subjects
from eventjob.bus.errors import Poison, StorageFull, Unavailable
from eventjob.bus.log.log import EventLog
from eventjob.bus.roles.parking import park
from eventjob.bus.subjects import parse_caller
from eventjob.bus.wire import frames
from eventjob.bus.wire.connection import Connection
from eventjob.bus.wire.pull import Delivery
from eventjob.contracts.announcements import WorkKind
from eventjob.contracts.commands import Command, FailBatches, StoredCommand
from eventjob.contracts.events import JobsStarted, Start
from eventjob.contracts.replies import Accepted, Declined, Reply
from eventjob.domain.decide import Draft
from eventjob.domain.errors import StaleMemory
from eventjob.domain.ids import group_of
from eventjob.domain.retry import Policy
from eventjob.runtime.logs import Logger
from services.scheduler.append import append
from services.scheduler.capacity import ProjectionLag, WorkerCapacity
from services.scheduler.decide import EventUnit, MessageDecider, decode_command, decode_report
from services.scheduler.memory import Memory
from services.scheduler.ports import Blobs, PartitionLeases
from services.scheduler.tasks import Tasks

MOST_FAULTS = 3  # of one message, before it is parked
MOST_LOST = 200  # overdue tasks in one round
UNREADABLE = Declined(code="internal", message="the command cannot be read, and was put aside")

_encoder = msgspec.json.Encoder()


class DeliveryOutcome(msgspec.Struct):
    """A delivery, the units it led to, and the inbox that waits for the outcome."""

    delivery: Delivery
    units: list[EventUnit]
    reply_to: str | None = None


class Rounds:
    """What a round needs, for as long as the memory is good."""

    def __init__(
        self,
        *,
        connection: Connection,
        events: EventLog,
        tenure: PartitionLeases,
        blobs: Blobs,
        memory: Memory,
        workers: WorkerCapacity,
        readers: ProjectionLag,
        policy: Policy,
        faults: Counter[tuple[str, int]],
        log: Logger,
    ) -> None:
        self._connection = connection
        self._events = events
        self._tenure = tenure
        self._blobs = blobs
        self._memory = memory
        self._workers = workers
        self._readers = readers
        self._policy = policy
        self._faults = faults
        self._log = log
        self._deciding = MessageDecider(memory, policy)
        self.is_held_up = False  # by readers that are behind
        self.tasks = Tasks(connection, events, memory, policy.attempt_timeout)

    async def run(self, deliveries: Sequence[Delivery], now: datetime, *, release: bool) -> int:
        """Work off ``deliveries`` and what time has brought; how many events that made.

        Without ``release`` nothing is handed out: after a start, until the backlog is done.

        Raises:
            Conflict, StaleMemory: the memory is not what the log says: fold anew.
            StorageFull: the log takes no more; the commands were told.
            Unavailable: the bus or the artifacts are away, or others may have taken over.
        """
        answers = await self._decide(deliveries, now)
        units = [unit for answer in answers for unit in answer.units]
        lost = self._memory.agenda.overdue(now, MOST_LOST)
        units += [EventUnit(drafts=self._deciding.lost(due, now)) for due in lost]
        is_awaited = any(answer.reply_to for answer in answers)
        if release and not is_awaited:
            units += self._start(now)
        groups = dict.fromkeys(draft.group for unit in units for draft in unit.drafts)
        groups |= dict.fromkeys(self._memory.unsettled())
        units += [EventUnit(drafts=[d]) for d in self._deciding.settle(list(groups), now)]
        self._check_tenure()
        try:
            await append(self._events, self._memory, self.tasks, units)
        except StorageFull as full:
            await self._decline(answers, full)
            raise
        self._check_tenure()
        await self._answer(answers)
        if release:
            if is_awaited:
                await append(self._events, self._memory, self.tasks, self._start(now))
            await self._hand_out(now)
        await frames.acknowledge(self._connection.client, (a.delivery.reply for a in answers))
        return sum(len(unit.drafts) for unit in units)

    def _check_tenure(self) -> None:
        """Whoever was frozen wakes up here, and neither hands out nor acknowledges."""
        if not self._tenure.is_sure:
            raise Unavailable("others may have taken over meanwhile")

    async def _decide(self, deliveries: Sequence[Delivery], now: datetime) -> list[DeliveryOutcome]:
        answers = []
        for delivery in deliveries:
            try:
                units = await self._decide_one(delivery, now)
            except Poison as poison:
                self._log.error("message.parked", subject=delivery.subject, reason=str(poison))
                await park(self._connection, delivery, str(poison))
                units = [EventUnit(drafts=[], declined=UNREADABLE)]
            answers.append(DeliveryOutcome(delivery, units, subjects.parse_reply(delivery.headers)))
        return answers

    async def _decide_one(self, delivery: Delivery, now: datetime) -> list[EventUnit]:
        """What a message leads to; one that breaks every session that meets it is poison."""
        key = (delivery.subject, delivery.stream_sequence)
        if self._faults[key] >= MOST_FAULTS:
            raise Poison(f"deciding it failed {MOST_FAULTS} times")
        if frames.is_server_answer(delivery.head, delivery.data):
            raise Poison(frames.FORGED)
        try:
            if delivery.subject.startswith("rep."):
                return self._decide_report(delivery, now)
            return await self._decide_command(delivery, now)
        except (Poison, Unavailable):
            raise
        except Exception as fault:
            self._faults[key] += 1
            if not isinstance(fault, StaleMemory):
                self._log.exception("message.broke", subject=delivery.subject)
            raise StaleMemory(f"{delivery.subject}: {fault}") from fault

    def _decide_report(self, delivery: Delivery, now: datetime) -> list[EventUnit]:
        report = decode_report(delivery.data)
        drafts = [d for outcome in report.outcomes for d in self._deciding.outcome(outcome, now)]
        return [EventUnit(drafts=drafts)]

    async def _decide_command(self, delivery: Delivery, now: datetime) -> list[EventUnit]:
        command: Command = decode_command(delivery.data)
        if isinstance(command, StoredCommand):
            command = decode_command(await self._stored(command.sha256))
        command_id = delivery.headers.get(subjects.HEADER_COMMAND, "")
        caller = parse_caller(delivery.headers)
        match command:
            case FailBatches():
                number = int(delivery.subject.rsplit(".", 1)[1])
                return self._deciding.fail_all(command, number, command_id, caller, now)
            case StoredCommand():
                raise Poison("a stored command that names another one")
            case _:
                unit = self._deciding.command(command, command_id, caller, now)
                declined = None if unit.declined is None else unit.declined.code
                self._log.info(
                    "command.decided",
                    command=type(command).__name__,
                    command_id=command_id,
                    group=group_of(command),
                    events=len(unit.drafts),
                    declined=declined,
                )
                return [unit]

    async def _stored(self, sha256: str) -> bytes:
        try:
            return await self._blobs.get(sha256)
        except (ArtifactMissing, ValueError) as error:
            raise Poison(f"the command's artifact is not there: {error}") from error
        except ArtifactsUnavailable as error:
            raise Unavailable(f"the command's artifact cannot be read: {error}") from error

    def _start(self, now: datetime) -> list[EventUnit]:
        """Begin attempts, as many as the processors can take: one event per group.

        None while what is read is far behind: new jobs would wait longer for being seen.
        """
        self.is_held_up = self._readers.are_behind(self._memory.position)
        if self.is_held_up:
            return []
        starts: dict[str, list[Start]] = {}
        for chosen in self._memory.agenda.starts(self._workers.capacity("fetch")):
            starts.setdefault(chosen.group, []).append(Start(chosen.n, chosen.attempt))
        deadline = now + self._policy.attempt_timeout
        drafts = [
            Draft(group, None, JobsStarted(starts=some, deadline=deadline, at=now))
            for group, some in starts.items()
        ]
        self._deciding.started(drafts)
        return [EventUnit(drafts=[draft]) for draft in drafts]

    async def _hand_out(self, now: datetime) -> None:
        kinds: tuple[WorkKind, ...] = ("archive", "fetch")
        for kind in kinds:
            errands = self._memory.agenda.errands(kind, self._workers.capacity(kind))
            if errands:
                await self.tasks.hand_out(errands, now)

    async def _answer(self, answers: Sequence[DeliveryOutcome]) -> None:
        await self._send([(a.reply_to, self._reply(a)) for a in answers if a.reply_to])

    async def _send(self, replies: Sequence[tuple[str, Reply]]) -> None:
        if replies:
            plain = (frames.encode_plain(inbox, _encoder.encode(reply)) for inbox, reply in replies)
            await frames.write(self._connection.client, plain)

    def _reply(self, answer: DeliveryOutcome) -> Reply:
        for unit in answer.units:
            if unit.declined is not None:
                return unit.declined
        return Accepted(
            sequence=self._memory.position,
            updated=sum(unit.updated for unit in answer.units),
            number=max((unit.number for unit in answer.units), default=0),
            repeated=any(unit.repeated for unit in answer.units),
        )

    async def _decline(self, answers: Sequence[DeliveryOutcome], full: StorageFull) -> None:
        """Tell those who asked that there is no room; what workers report comes back later."""
        declined = Declined(code="storage_full", message=str(full))
        asked = [answer for answer in answers if answer.reply_to]
        await self._send([(answer.reply_to or "", declined) for answer in asked])
        await frames.acknowledge(self._connection.client, (a.delivery.reply for a in asked))
