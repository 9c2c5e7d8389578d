"""The scheduler's decisions in a world of memory: a log, streams, workers and a clock, all of which
can fail. Rounds go as in `services.scheduler.round`, and may be cut off at every step.
"""

from datetime import datetime
from typing import NamedTuple

from builders import AT
from ledger import Page

from eventjob.bus.subjects import event_subject
from eventjob.contracts.commands import Command, FailBatches
from eventjob.contracts.events import JobsStarted, Start
from eventjob.domain.access import Caller
from eventjob.domain.decide import Draft
from eventjob.domain.ids import PARTITIONS, compute_partition
from eventjob.domain.recorded_event import RecordedEvent
from eventjob.domain.retry import Policy
from services.scheduler import snapshot_codec
from services.scheduler.agenda import TaskKey
from services.scheduler.decide import EventUnit, MessageDecider
from services.scheduler.memory import Memory, list_purges

CRASHES = ("before append", "between appends", "before purge", "before tasks", "before ack")
KINDS = ("archive", "fetch")


def is_on(record, subject):
    """Whether it lies on this subject; ``*`` stands for any job."""
    own = event_subject(record.group, record.n)
    return subject in {own, f"{own.rpartition('.')[0]}.*"}


class Asked(NamedTuple):
    """A command as it stands in its stream."""

    command: Command
    command_id: str
    caller: Caller


class Crash(Exception):
    """The scheduler dies at this step."""


class World:
    """Everything that outlives a scheduler, and the scheduler."""

    def __init__(self) -> None:
        self.policy = Policy(max_attempts=3)
        self.now: datetime = AT
        self.history: list[RecordedEvent] = []
        self.log: list[RecordedEvent] = []  # the history without what was purged
        self.pages: dict[str, Page] = {}
        self.inbox: list = []  # delivered, not acknowledged
        self.reports: list = []  # said by workers, not delivered
        self.tasks: list[TaskKey] = []  # with the workers
        self.snapshots: list[bytes] = []  # by partition
        self.purged: set[str] = set()
        self.applied: dict[tuple[str, str], EventUnit] = {}  # by group and command
        self.start()

    def start(self):
        """A scheduler begins: fold the log, clean up, list what is out, work off the backlog."""
        self.memory = Memory()
        parts = [snapshot_codec.decode(data, "log", len(self.history)) for data in self.snapshots]
        self.memory.restore(
            [snapshot_codec.restore_entry(kept) for part in parts for kept in part.groups]
        )
        for record in self.log:
            if not parts or record.sequence > parts[compute_partition(record.group)].position:
                self.memory.fold(record)
        for purge in self.memory.pending_purges:
            self._purge(purge)
        until = self.now + self.policy.attempt_timeout
        for kind in KINDS:
            self.memory.agenda.note_tasks_out(
                kind, {e for e in self.tasks if e.kind == kind}, until
            )
        self.decider = MessageDecider(self.memory, self.policy)
        self.inbox += self.reports
        self.reports = []
        self.is_ready = False

    def take_snapshots(self):
        """What the scheduler keeps of each partition for the next one."""
        position = len(self.history)
        self.snapshots = [
            snapshot_codec.encode(self.memory.in_partition(number), "log", position)
            for number in range(PARTITIONS)
        ]

    def round(self, *, capacity=4, crash=None):
        """Work off what is there; after a crash it is all there again."""
        units = [unit for message in self.inbox for unit in self._decide(message)]
        lost = self.memory.agenda.pop_overdue(self.now, 200)
        units += [EventUnit(drafts=self.decider.decide_lost(due, self.now)) for due in lost]
        if self.is_ready:
            units += self._starts(capacity)
        groups = dict.fromkeys(draft.group for unit in units for draft in unit.drafts)
        groups |= dict.fromkeys(self.memory.pop_unsettled())
        units += [EventUnit(drafts=[draft]) for draft in self.decider.settle([*groups], self.now)]
        try:
            self._carry_out(units, capacity, crash)
        except Crash:
            self.start()

    def _carry_out(self, units, capacity, crash):
        self._step("before append", crash)
        first = len(units) // 2 if crash == "between appends" else len(units)
        appended = [self._append(unit, draft) for unit in units[:first] for draft in unit.drafts]
        self._step("between appends", crash)
        self._step("before purge", crash)
        for draft in appended:
            for purge in list_purges(draft):
                self._purge(purge)
        self._step("before tasks", crash)
        if self.is_ready:
            self._hand_out(capacity)
        self._step("before ack", crash)
        self.inbox = []
        self.is_ready = True

    def _step(self, step, crash):
        if step == crash:
            raise Crash

    def _decide(self, message):
        if not isinstance(message, Asked):
            return [EventUnit(drafts=self.decider.decide_outcome(message, self.now))]
        command, command_id, caller = message
        if not isinstance(command, FailBatches):
            return [self.decider.decide_command(command, command_id, caller, self.now)]
        return [
            unit
            for number in range(PARTITIONS)
            for unit in self.decider.decide_fail_all(command, number, command_id, caller, self.now)
        ]

    def _starts(self, capacity):
        deadline = self.now + self.policy.attempt_timeout
        units = []
        for chosen in self.memory.agenda.pick_starts(capacity):
            start = Start(chosen.n, chosen.attempt)
            event = JobsStarted(starts=[start], deadline=deadline, at=self.now)
            units.append(EventUnit(drafts=[Draft(chosen.group, None, event)]))
        self.decider.apply_starts([draft for unit in units for draft in unit.drafts])
        return units

    def _append(self, unit, draft):
        sequence = len(self.history) + 1
        record = RecordedEvent(
            sequence, draft.group, draft.n, draft.event, unit.command_id, unit.actor
        )
        self.history.append(record)
        self.log.append(record)
        self.pages.setdefault(draft.group, Page()).take(draft.n, draft.event, sequence)
        if unit.command_id:
            first = self.applied.setdefault((draft.group, unit.command_id), unit)
            assert first is unit, f"{draft} was appended before"
        self.memory.set_sequence(draft, sequence)
        return draft

    def _purge(self, purge):
        found = [record for record in self.log if is_on(record, purge.subject)]
        gone = found[: len(found) - purge.keep]
        self.purged |= {record.group for record in gone}
        self.log = [record for record in self.log if record not in gone]

    def _hand_out(self, capacity):
        for kind in KINDS:
            for errand in self.memory.agenda.pick_tasks(kind, capacity):
                assert errand not in self.tasks, f"{errand} is out already"
                self.tasks.append(errand)
                if kind == "archive" and errand.n:
                    deadline = self.now + self.policy.attempt_timeout
                    self.memory.agenda.expect_archive(errand, deadline)
