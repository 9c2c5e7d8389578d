"""From a message to what follows from it, decided on the memory and moved on at once."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from eventjob.bus.errors import Poison
from eventjob.contracts.base import UNREADABLE
from eventjob.contracts.commands import AddJob, Command, FailBatches, FileBatch, GroupCommand
from eventjob.contracts.replies import Declined
from eventjob.contracts.work import BatchPacked, JobOutcome, Outcome, Report, WorkFailed
from eventjob.domain import batch_zip, decide, job
from eventjob.domain.access import Caller
from eventjob.domain.batch import Group
from eventjob.domain.batch_zip import ZipEvent
from eventjob.domain.decide import Context, Draft
from eventjob.domain.errors import Refused, StaleMemory
from eventjob.domain.ids import group_of
from eventjob.domain.job import LoseAttempt
from eventjob.domain.retry import Policy
from services.scheduler.agenda import DueTask
from services.scheduler.memory import Entry, Memory

_commands: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
_reports = msgspec.json.Decoder(Report)


class EventUnit(msgspec.Struct, kw_only=True):
    """The events that one message leads to; they are appended together."""

    drafts: list[Draft]
    command_id: str = ""
    actor: str = ""
    declined: Declined | None = None
    updated: int = 0
    number: int = 0
    repeated: bool = False


def decode_command(data: bytes) -> Command:
    """The command in a message.

    Raises:
        Poison: there is none that this version knows.
    """
    try:
        return _commands.decode(data)
    except UNREADABLE as error:
        raise Poison(f"not a command: {error}") from error


def decode_report(data: bytes) -> Report:
    """The report in a message.

    Raises:
        Poison: there is none that this version knows.
    """
    try:
        return _reports.decode(data)
    except UNREADABLE as error:
        raise Poison(f"not a report: {error}") from error


class MessageDecider:
    """Decides messages one after the other, each on what those before it left."""

    def __init__(self, memory: Memory, policy: Policy) -> None:
        self._memory = memory
        self._policy = policy

    def command(
        self, command: GroupCommand, command_id: str, caller: Caller, at: datetime
    ) -> EventUnit:
        """What a user's command leads to; a refusal where the answer is no."""
        group = group_of(command)
        if group is None:
            return EventUnit(drafts=[], declined=Declined(code="not_found", message="no such job"))
        entry = self._memory.entry(group)
        if command_id in entry.group.commands:
            added = entry.group.commands[command_id] if isinstance(command, AddJob) else 0
            return EventUnit(drafts=[], number=added)
        now = Context(caller, at, self._policy)
        try:
            drafts = decide.decide(command, entry.group, now)
            _check_exported(command, entry, drafts)
        except Refused as refusal:
            return EventUnit(drafts=[], declined=Declined(code=refusal.code, message=str(refusal)))
        unit = self._unit(drafts, command_id, caller)
        unit.number = _number(entry.group, command)
        unit.repeated = not drafts
        return unit

    def fail_all(
        self, command: FailBatches, partition: int, command_id: str, caller: Caller, at: datetime
    ) -> list[EventUnit]:
        """What a fail-all does in one partition: a unit per batch."""
        now = Context(caller, at, self._policy)
        units = []
        for entry in self._memory.in_partition(partition):
            if command_id in entry.group.commands:
                units.append(EventUnit(drafts=[], updated=1))
            elif drafts := decide.fail_all(entry.group, now):
                made = [] if command.dry_run else drafts
                unit = self._unit(made, command_id, caller)
                unit.updated = 1
                units.append(unit)
        return units

    def outcome(self, outcome: Outcome, at: datetime) -> list[Draft]:
        """What a worker's report leads to; nothing where it is late.

        Raises:
            StaleMemory: the report is ahead of the memory.
        """
        entry = self._memory.entry(outcome.group)
        if entry.group.existence == "deleted":
            return []
        if isinstance(outcome, BatchPacked) or (isinstance(outcome, WorkFailed) and not outcome.n):
            return self._move_zip(
                entry.group, batch_zip.decide_report(outcome, entry.group.zip, at)
            )
        if entry.group.retired_completed is not None:
            return []  # of an attempt that has long been over
        state = entry.group.job(outcome.n)
        if state is None:
            raise StaleMemory(f"a report of {outcome.group}.{outcome.n}, which is unknown")
        setting = job.JobContext(outcome.group, outcome.n, at, self._policy)
        return self._move_job(outcome, state, setting)

    def lost(self, due: DueTask, at: datetime) -> list[Draft]:
        """What follows from a task that nobody reported in time."""
        group = self._memory.entry(due.group).group
        if not due.n:
            lost = batch_zip.lose_attempt(due.attempt, group.zip, at, self._policy)
            return self._move_zip(group, lost)
        state = group.job(due.n)
        if state is None:
            return []
        setting = job.JobContext(due.group, due.n, at, self._policy)
        return self._move_job(LoseAttempt(due.attempt), state, setting)

    def settle(self, groups: Sequence[str], at: datetime) -> list[Draft]:
        """The completions of batches among ``groups`` in which nothing is unfinished any more."""
        drafts = [
            draft
            for name in groups
            for draft in decide.complete_batch(self._memory.entry(name).group, at)
        ]
        return self._moved(drafts)

    def started(self, drafts: list[Draft]) -> None:
        """Let the attempts that begin move the memory."""
        self._moved(drafts)

    def _move_job(
        self, command: JobOutcome | LoseAttempt, state: job.JobState, setting: job.JobContext
    ) -> list[Draft]:
        events = job.decide(command, state, setting)
        return self._moved([Draft(setting.group, setting.n, event) for event in events])

    def _move_zip(self, group: Group, events: Sequence[ZipEvent]) -> list[Draft]:
        return self._moved([Draft(group.id, None, event) for event in events])

    def _unit(self, drafts: list[Draft], command_id: str, caller: Caller) -> EventUnit:
        moved = self._moved(drafts, command_id)
        return EventUnit(drafts=moved, command_id=command_id, actor=caller.user or "")

    def _moved(self, drafts: list[Draft], command_id: str = "") -> list[Draft]:
        for draft in drafts:
            self._memory.move(draft, command_id)
        return drafts


def _check_exported(command: GroupCommand, entry: Entry, drafts: Sequence[Draft]) -> None:
    """Refuse to file what has moved on since it was exported."""
    if isinstance(command, FileBatch) and drafts and command.until != max(entry.last.values()):
        raise Refused("conflict", f"batch {command.batch_id} has changed since it was exported")


def _number(group: Group, command: GroupCommand) -> int:
    """The number of the job that an `AddJob` added, now or when its key came first."""
    if not isinstance(command, AddJob):
        return 0
    known = group.added_by.get(command.key or "")
    return known.n if known else len(group.jobs)
