"""The groups' state in memory: folded from the log and advanced by the scheduler's own decisions.

A decision is applied at once, so that the next one in the round sees it. If its append fails, the
whole memory is dropped and folded again, before any reply was sent.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec

from eventjob.bus.subjects import event_subject, parse_event_subject, token_of
from eventjob.contracts.events import (
    BatchDeleted,
    BatchFiled,
    BatchPaused,
    BatchResumed,
    Event,
    JobDeleted,
    JobsAdded,
    JobsFailed,
    JobsStarted,
    JobSubmitted,
)
from eventjob.domain import batch
from eventjob.domain.batch import Group, ZipIdle
from eventjob.domain.decide import Draft
from eventjob.domain.ids import compute_partition, is_batch
from eventjob.domain.recorded_event import RecordedEvent
from services.scheduler.agenda import Agenda


class SpecLocation(msgspec.Struct, frozen=True, array_like=True):
    """The event that holds the job specs of a group from number ``first`` on."""

    first: int
    sequence: int


class Purge(msgspec.Struct, frozen=True):
    """Events of a subject to remove: all but the newest ``keep``, or those ``before``."""

    subject: str
    keep: int = 0
    before: int = 0


def list_purges(draft: Draft) -> list[Purge]:
    """Return what an event removes from the log: deleted or exported events, except its tombstone.

    The own subject of a retired batch goes first: readers tell by it whether exports apply.
    """
    if isinstance(draft.event, BatchFiled):
        own, until = event_subject(draft.group), draft.event.until
        return [Purge(own, before=until + 1), Purge(f"{own}.*", before=until + 1)]
    if not isinstance(draft.event, (BatchDeleted, JobDeleted)):
        return []
    own = event_subject(draft.group, draft.n)
    return [Purge(own, 1)] if draft.n is not None else [Purge(f"{own}.*", 0), Purge(own, 1)]


class Entry:
    """A group, the last sequence of each of its subjects, and where its job specs are."""

    def __init__(self, group: str) -> None:
        self.group = Group(group)
        self.last: dict[int | None, int] = {}
        self.specs_at: list[SpecLocation] = []


class Memory:
    """All groups of the owned partitions, and the agenda that follows from them."""

    def __init__(self) -> None:
        self.agenda = Agenda(lambda group: self.entry(group).group)
        self.position = 0
        self.pending_purges: list[Purge] = []  # of deletions that a crash interrupted
        self.changes: Counter[str] = Counter()  # of jobs and groups, by partition
        self._entries: dict[str, Entry] = {}
        self._unchecked: set[str] = set()

    def entry(self, group: str) -> Entry:
        """Return a group's entry; an unknown group gets a new, empty one."""
        return self._entries.get(group) or Entry(group)

    def pop_unsettled(self) -> list[str]:
        """Return, once, the folded batches with all jobs ended, as a crash may leave them."""
        folded, self._unchecked = self._unchecked, set()
        return [name for name in folded if not self.entry(name).group.unfinished]

    def in_partition(self, number: int) -> list[Entry]:
        """Return the groups of one partition."""
        return [e for name, e in self._entries.items() if compute_partition(name) == number]

    def restore(self, entries: Sequence[Entry]) -> None:
        """Load groups from snapshots, in the order of their creation."""
        for entry in sorted(entries, key=_creation_sequence):
            group = entry.group
            self._entries[group.id] = entry
            if not group.active:
                self.agenda.pause(group)
            for n, state in enumerate(group.jobs, 1):
                self.agenda.apply_job_change(group, n, group.host(n), None, state)
            self.agenda.apply_zip_change(group, ZipIdle(0))

    def fold(self, record: RecordedEvent) -> None:
        """Apply an event from the log."""
        draft = Draft(record.group, record.n, record.event)
        known = self.entry(record.group).last
        # events before this one are still there: a crash prevented the purge
        if draft.n in known or (draft.n is None and known):
            self.pending_purges += list_purges(draft)
        self.apply(draft, record.command_id)
        self.set_sequence(draft, record.sequence)
        if is_batch(record.group):
            self._unchecked.add(record.group)

    def apply(self, draft: Draft, command_id: str) -> None:
        """Apply a decided event, before or after its append."""
        entry = self._entries.get(draft.group)
        if entry is None:
            entry = self._entries[draft.group] = Entry(draft.group)
        self.changes[token_of(draft.group)] += 1
        if draft.n is None:
            self._apply_to_group(entry.group, draft.event)
        else:
            self._apply_to_job(entry.group, draft.n, draft.event)
        if command_id:
            first = draft.event.first if isinstance(draft.event, JobsAdded) else 0
            entry.group.remember(command_id, first)

    def _apply_to_job(self, group: Group, n: int, event: Event) -> None:
        before = group.job(n)
        batch.evolve(group, n, event)
        self.agenda.apply_job_change(group, n, group.host(n), before, group.job(n))

    def _apply_to_group(self, group: Group, event: Event) -> None:
        zip_before = group.zip
        before = [(n, group.job(n), group.host(n)) for n in affected_jobs(event, group)]
        self.changes[token_of(group.id)] += len(before)
        batch.evolve(group, None, event)
        for n, state, host in before:
            self.agenda.apply_job_change(group, n, host or group.host(n), state, group.job(n))
        self.agenda.apply_zip_change(group, zip_before)
        if isinstance(event, BatchPaused):
            self.agenda.pause(group)
        elif isinstance(event, BatchResumed | BatchDeleted | BatchFiled):
            self.agenda.resume(group)

    def set_sequence(self, draft: Draft, sequence: int) -> None:
        """Record the sequence at which the log stored the event."""
        entry = self._entries[draft.group]
        entry.last[draft.n] = sequence
        self.position = max(self.position, sequence)
        if isinstance(draft.event, JobsAdded):
            entry.specs_at.append(SpecLocation(draft.event.first, sequence))
        elif isinstance(draft.event, JobSubmitted):
            entry.specs_at.append(SpecLocation(1, sequence))
        elif isinstance(draft.event, BatchFiled):
            # the specs left the log with the batch's other events
            entry.last, entry.specs_at = {None: sequence}, []

    def note_passed(self, passed: Mapping[str, int]) -> None:
        """Record non-event messages so that the expected sequence stays correct."""
        for subject, sequence in passed.items():
            with suppress(ValueError):
                group, n = parse_event_subject(subject)
                if event_subject(group, n) == subject:
                    last = self._entries.setdefault(group, Entry(group)).last
                    last[n] = max(last.get(n, 0), sequence)

    def expected_sequence(self, draft: Draft) -> int:
        """Return the last sequence of the draft's subject; 0 for a new subject."""
        return self._entries[draft.group].last.get(draft.n, 0)


def _creation_sequence(entry: Entry) -> int:
    return entry.specs_at[0].sequence if entry.specs_at else 0


def affected_jobs(event: Event, group: Group) -> Sequence[int]:
    """Return the job numbers that an event changes, in ``group`` before the event."""
    count = len(group.jobs)
    match event:
        case JobSubmitted():
            return (1,)
        case JobsAdded():
            return range(count + 1, count + 1 + len(event.jobs))
        case JobsStarted():
            return [start.n for start in event.starts]
        case JobsFailed():
            return event.numbers
        case BatchDeleted() | BatchFiled() | JobDeleted():
            return range(1, count + 1)
        case _:
            return ()
