"""One round: decide all messages at hand, append, reply, hand out, acknowledge.

Messages are acknowledged last: after a crash they come back, and every step can run twice.
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

MAX_FAULTS = 3  # of one message before it is parked
MAX_LOST = 200  # overdue tasks handled in one round
UNREADABLE_REPLY = Declined(code="internal", message="the command cannot be read and was parked")

_encoder = msgspec.json.Encoder()


class DeliveryOutcome(msgspec.Struct):
    """A delivery, its units, and the inbox that waits for a reply."""

    delivery: Delivery
    units: list[EventUnit]
    reply_to: str | None = None


class Rounds:
    """Runs rounds on one memory, for as long as it can be trusted."""

    def __init__(
        self,
        *,
        connection: Connection,
        events: EventLog,
        leases: PartitionLeases,
        blobs: Blobs,
        memory: Memory,
        workers: WorkerCapacity,
        lag: ProjectionLag,
        policy: Policy,
        faults: Counter[tuple[str, int]],
        log: Logger,
    ) -> None:
        self._connection = connection
        self._events = events
        self._leases = leases
        self._blobs = blobs
        self._memory = memory
        self._workers = workers
        self._lag = lag
        self._policy = policy
        self._faults = faults
        self._log = log
        self._decider = MessageDecider(memory, policy)
        self.is_throttled = False  # by the projection's lag
        self.tasks = Tasks(connection, events, memory, policy.attempt_timeout)

    async def run(self, deliveries: Sequence[Delivery], now: datetime, *, release: bool) -> int:
        """Decide ``deliveries`` and expired timers; return the number of events.

        Without ``release`` no task is handed out: after a start, until the backlog is done.

        Raises:
            Conflict, StaleMemory: the memory differs from the log: fold again.
            StorageFull: the log is full; the senders of commands were told.
            Unavailable: the bus or the artifacts are away, or the lease is too old.
        """
        outcomes = await self._decide(deliveries, now)
        units = [unit for outcome in outcomes for unit in outcome.units]
        lost = self._memory.agenda.pop_overdue(now, MAX_LOST)
        units += [EventUnit(drafts=self._decider.decide_lost(due, now)) for due in lost]
        # a waiting client gets its reply before new jobs are started and handed out
        is_awaited = any(outcome.reply_to for outcome in outcomes)
        if release and not is_awaited:
            units += self._start_jobs(now)
        groups = dict.fromkeys(draft.group for unit in units for draft in unit.drafts)
        groups |= dict.fromkeys(self._memory.pop_unsettled())
        units += [EventUnit(drafts=[d]) for d in self._decider.settle(list(groups), now)]
        self._check_lease()
        try:
            await append(self._events, self._memory, self.tasks, units)
        except StorageFull as full:
            await self._decline_all(outcomes, full)
            raise
        self._check_lease()
        await self._send_replies(outcomes)
        if release:
            if is_awaited:
                await append(self._events, self._memory, self.tasks, self._start_jobs(now))
            await self._hand_out(now)
        # last: a crash before this repeats the round, which changes nothing twice
        await frames.acknowledge(self._connection.client, (o.delivery.reply for o in outcomes))
        return sum(len(unit.drafts) for unit in units)

    def _check_lease(self) -> None:
        """Raise `Unavailable` when another scheduler may have taken over, as after a freeze."""
        if not self._leases.is_sure:
            raise Unavailable("the lease is too old: another scheduler may have taken over")

    async def _decide(self, deliveries: Sequence[Delivery], now: datetime) -> list[DeliveryOutcome]:
        outcomes = []
        for delivery in deliveries:
            try:
                units = await self._decide_one(delivery, now)
            except Poison as poison:
                self._log.error("message.parked", subject=delivery.subject, reason=str(poison))
                # before the acknowledgement: losing a message is worse than stopping
                await park(self._connection, delivery, str(poison))
                units = [EventUnit(drafts=[], declined=UNREADABLE_REPLY)]
            outcomes.append(
                DeliveryOutcome(delivery, units, subjects.parse_reply(delivery.headers))
            )
        return outcomes

    async def _decide_one(self, delivery: Delivery, now: datetime) -> list[EventUnit]:
        """Decide one message; one that broke several terms is poison."""
        key = (delivery.subject, delivery.stream_sequence)
        if self._faults[key] >= MAX_FAULTS:
            raise Poison(f"processing this message failed {MAX_FAULTS} times")
        # sent through the server, so its author's own rights were never checked
        if frames.is_server_answer(delivery.head, delivery.data):
            raise Poison(frames.FORGED)
        try:
            if delivery.subject.startswith("rep."):
                return self._decide_report(delivery, now)
            return await self._decide_command(delivery, now)
        except (Poison, Unavailable):
            raise
        # a bug: fold again and retry, and park the message after MAX_FAULTS terms
        except Exception as fault:
            self._faults[key] += 1
            if not isinstance(fault, StaleMemory):
                self._log.exception("message.broke", subject=delivery.subject)
            raise StaleMemory(f"{delivery.subject}: {fault}") from fault

    def _decide_report(self, delivery: Delivery, now: datetime) -> list[EventUnit]:
        report = decode_report(delivery.data)
        drafts = [d for o in report.outcomes for d in self._decider.decide_outcome(o, now)]
        return [EventUnit(drafts=drafts)]

    async def _decide_command(self, delivery: Delivery, now: datetime) -> list[EventUnit]:
        command: Command = decode_command(delivery.data)
        if isinstance(command, StoredCommand):
            command = decode_command(await self._load_stored(command.sha256))
        command_id = delivery.headers.get(subjects.HEADER_COMMAND, "")
        caller = parse_caller(delivery.headers)
        match command:
            case FailBatches():
                number = int(delivery.subject.rsplit(".", 1)[1])
                return self._decider.decide_fail_all(command, number, command_id, caller, now)
            case StoredCommand():
                raise Poison("a stored command that names another one")
            case _:
                unit = self._decider.decide_command(command, command_id, caller, now)
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

    async def _load_stored(self, sha256: str) -> bytes:
        try:
            return await self._blobs.get(sha256)
        except (ArtifactMissing, ValueError) as error:
            raise Poison(f"the command's artifact is not there: {error}") from error
        except ArtifactsUnavailable as error:
            raise Unavailable(f"the command's artifact cannot be read: {error}") from error

    def _start_jobs(self, now: datetime) -> list[EventUnit]:
        """Start as many attempts as the processors can take: one event per group."""
        # else reads would fall behind by seconds while more jobs start
        self.is_throttled = self._lag.is_behind(self._memory.position)
        if self.is_throttled:
            return []
        starts: dict[str, list[Start]] = {}
        for candidate in self._memory.agenda.pick_starts(self._workers.capacity("fetch")):
            starts.setdefault(candidate.group, []).append(Start(candidate.n, candidate.attempt))
        deadline = now + self._policy.attempt_timeout
        drafts = [
            Draft(group, None, JobsStarted(starts=some, deadline=deadline, at=now))
            for group, some in starts.items()
        ]
        self._decider.apply_starts(drafts)
        return [EventUnit(drafts=[draft]) for draft in drafts]

    async def _hand_out(self, now: datetime) -> None:
        kinds: tuple[WorkKind, ...] = ("archive", "fetch")
        for kind in kinds:
            tasks = self._memory.agenda.pick_tasks(kind, self._workers.capacity(kind))
            if tasks:
                await self.tasks.hand_out(tasks, now)

    async def _send_replies(self, outcomes: Sequence[DeliveryOutcome]) -> None:
        await self._publish([(o.reply_to, self._make_reply(o)) for o in outcomes if o.reply_to])

    async def _publish(self, replies: Sequence[tuple[str, Reply]]) -> None:
        if replies:
            plain = (frames.encode_plain(inbox, _encoder.encode(reply)) for inbox, reply in replies)
            await frames.write(self._connection.client, plain)

    def _make_reply(self, outcome: DeliveryOutcome) -> Reply:
        for unit in outcome.units:
            if unit.declined is not None:
                return unit.declined
        return Accepted(
            sequence=self._memory.position,
            updated=sum(unit.updated for unit in outcome.units),
            number=max((unit.number for unit in outcome.units), default=0),
            repeated=any(unit.repeated for unit in outcome.units),
        )

    async def _decline_all(self, outcomes: Sequence[DeliveryOutcome], full: StorageFull) -> None:
        """Tell the senders of commands that the log is full; reports are redelivered later."""
        declined = Declined(code="storage_full", message=str(full))
        asked = [outcome for outcome in outcomes if outcome.reply_to]
        await self._publish([(outcome.reply_to or "", declined) for outcome in asked])
        await frames.acknowledge(self._connection.client, (o.delivery.reply for o in asked))
