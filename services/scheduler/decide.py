"""Decide messages: from a command or report to drafted events, applied to the memory at once."""

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
    """The events of one message, appended together, and what its reply says."""

    drafts: list[Draft]
    command_id: str = ""
    actor: str = ""
    declined: Declined | None = None
    updated: int = 0
    number: int = 0
    repeated: bool = False


def decode_command(data: bytes) -> Command:
    """Decode a command; raise `Poison` if it is unknown to this version."""
    try:
        return _commands.decode(data)
    except UNREADABLE as error:
        raise Poison(f"not a command: {error}") from error


def decode_report(data: bytes) -> Report:
    """Decode a worker's report; raise `Poison` if it is unknown to this version."""
    try:
        return _reports.decode(data)
    except UNREADABLE as error:
        raise Poison(f"not a report: {error}") from error


class MessageDecider:
    """Decides messages in turn, each on the state that the previous ones left."""

    def __init__(self, memory: Memory, policy: Policy) -> None:
        self._memory = memory
        self._policy = policy

    def decide_command(
        self, command: GroupCommand, command_id: str, caller: Caller, at: datetime
    ) -> EventUnit:
        """Decide a user's command; a refusal is returned as a decline."""
        group = group_of(command)
        if group is None:
            return EventUnit(drafts=[], declined=Declined(code="not_found", message="no such job"))
        entry = self._memory.entry(group)
        if command_id in entry.group.commands:
            # redelivered: answer as before, for a toggle must not flip twice
            added = entry.group.commands[command_id] if isinstance(command, AddJob) else 0
            return EventUnit(drafts=[], number=added)
        circumstances = Context(caller, at, self._policy)
        try:
            drafts = decide.decide(command, entry.group, circumstances)
            _check_exported(command, entry, drafts)
        except Refused as refusal:
            return EventUnit(drafts=[], declined=Declined(code=refusal.code, message=str(refusal)))
        unit = self._make_unit(drafts, command_id, caller)
        unit.number = _added_number(entry.group, command)
        unit.repeated = not drafts
        return unit

    def decide_fail_all(
        self, command: FailBatches, partition: int, command_id: str, caller: Caller, at: datetime
    ) -> list[EventUnit]:
        """Decide a fail-all in one partition: one unit per batch."""
        circumstances = Context(caller, at, self._policy)
        units = []
        for entry in self._memory.in_partition(partition):
            if command_id in entry.group.commands:
                units.append(EventUnit(drafts=[], updated=1))
            elif drafts := decide.fail_all(entry.group, circumstances):
                applied = [] if command.dry_run else drafts
                unit = self._make_unit(applied, command_id, caller)
                unit.updated = 1
                units.append(unit)
        return units

    def decide_outcome(self, outcome: Outcome, at: datetime) -> list[Draft]:
        """Decide an outcome that a worker reports; a late one is ignored.

        Raises:
            StaleMemory: the report is ahead of the memory.
        """
        entry = self._memory.entry(outcome.group)
        # a zombie's report about a deleted group is late, whatever it says
        if entry.group.existence == "deleted":
            return []
        if isinstance(outcome, BatchPacked) or (isinstance(outcome, WorkFailed) and not outcome.n):
            return self._apply_zip(
                entry.group, batch_zip.decide_report(outcome, entry.group.zip, at)
            )
        if entry.group.retired_completed is not None:
            return []  # its jobs ended long ago
        state = entry.group.job(outcome.n)
        if state is None:
            # ignoring it would lose the job: it may be newer than this memory
            raise StaleMemory(f"a report about {outcome.group}.{outcome.n}, which is unknown")
        setting = job.JobContext(outcome.group, outcome.n, at, self._policy)
        return self._decide_job(outcome, state, setting)

    def decide_lost(self, due: DueTask, at: datetime) -> list[Draft]:
        """Decide about a task with an overdue report."""
        group = self._memory.entry(due.group).group
        if not due.n:
            lost = batch_zip.lose_attempt(due.attempt, group.zip, at, self._policy)
            return self._apply_zip(group, lost)
        state = group.job(due.n)
        if state is None:
            return []
        setting = job.JobContext(due.group, due.n, at, self._policy)
        return self._decide_job(LoseAttempt(due.attempt), state, setting)

    def settle(self, groups: Sequence[str], at: datetime) -> list[Draft]:
        """Complete those of the ``groups`` in which every job has ended."""
        drafts = [
            draft
            for name in groups
            for draft in decide.complete_batch(self._memory.entry(name).group, at)
        ]
        return self._apply(drafts)

    def apply_starts(self, drafts: list[Draft]) -> None:
        """Apply the starts of attempts to the memory."""
        self._apply(drafts)

    def _decide_job(
        self, command: JobOutcome | LoseAttempt, state: job.JobState, setting: job.JobContext
    ) -> list[Draft]:
        events = job.decide(command, state, setting)
        return self._apply([Draft(setting.group, setting.n, event) for event in events])

    def _apply_zip(self, group: Group, events: Sequence[ZipEvent]) -> list[Draft]:
        return self._apply([Draft(group.id, None, event) for event in events])

    def _make_unit(self, drafts: list[Draft], command_id: str, caller: Caller) -> EventUnit:
        self._apply(drafts, command_id)
        return EventUnit(drafts=drafts, command_id=command_id, actor=caller.user or "")

    def _apply(self, drafts: list[Draft], command_id: str = "") -> list[Draft]:
        for draft in drafts:
            self._memory.apply(draft, command_id)
        return drafts


def _check_exported(command: GroupCommand, entry: Entry, drafts: Sequence[Draft]) -> None:
    """Refuse to retire a batch that has changed since its events were exported."""
    # an event appended after the export would be lost by the purge
    if isinstance(command, FileBatch) and drafts and command.until != max(entry.last.values()):
        raise Refused("conflict", f"batch {command.batch_id} has changed since it was exported")


def _added_number(group: Group, command: GroupCommand) -> int:
    """Return the number of the job that an `AddJob` added, now or at its first try."""
    if not isinstance(command, AddJob):
        return 0
    known = group.added_by.get(command.key or "")
    return known.n if known else len(group.jobs)
