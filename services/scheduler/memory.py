"""The groups as the scheduler knows them: folded from the log, and moved on by its own decisions.

A decision moves the fold at once, so that the next one in the same round sees it. If the append
then fails, the whole memory is dropped and folded anew; nobody has heard of the decision yet.
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


class JobsPlace(msgspec.Struct, frozen=True, array_like=True):
    """The event that holds the descriptions of a group's jobs from number ``first`` on."""

    first: int
    sequence: int


class Purge(msgspec.Struct, frozen=True):
    """A subject's events that go for good: but for the newest ``keep``, or those ``before``."""

    subject: str
    keep: int = 0
    before: int = 0


def purges(draft: Draft) -> list[Purge]:
    """What an event removes from the log: what was deleted, or exported, but for its tombstone.

    Of what was exported the batch's own subject goes first: readers see by it what to do.
    """
    if isinstance(draft.event, BatchFiled):
        own, until = event_subject(draft.group), draft.event.until
        return [Purge(own, before=until + 1), Purge(f"{own}.*", before=until + 1)]
    if not isinstance(draft.event, (BatchDeleted, JobDeleted)):
        return []
    own = event_subject(draft.group, draft.n)
    return [Purge(own, 1)] if draft.n is not None else [Purge(f"{own}.*", 0), Purge(own, 1)]


class Entry:
    """A group, the last sequence of each of its subjects, and where its jobs are described."""

    def __init__(self, group: str) -> None:
        self.group = Group(group)
        self.last: dict[int | None, int] = {}
        self.places: list[JobsPlace] = []


class Memory:
    """All groups of all partitions. Whatever happens to a job is noted in the agenda too."""

    def __init__(self) -> None:
        self.agenda = Agenda(lambda group: self.entry(group).group)
        self.position = 0
        self.leftovers: list[Purge] = []  # of deletions that a crash did not let finish
        self.moves: Counter[str] = Counter()  # of jobs and groups, by partition
        self._entries: dict[str, Entry] = {}
        self._folded: set[str] = set()

    def entry(self, group: str) -> Entry:
        """What is known of a group; of a new one, that it is not there."""
        found = self._entries.get(group)
        return Entry(group) if found is None else found

    def unsettled(self) -> list[str]:
        """The batches that a crash may have kept from being completed; told once."""
        told, self._folded = self._folded, set()
        return [name for name in told if not self.entry(name).group.unfinished]

    def in_partition(self, number: int) -> list[Entry]:
        """The groups of one partition."""
        return [e for name, e in self._entries.items() if compute_partition(name) == number]

    def restore(self, entries: Sequence[Entry]) -> None:
        """Begin with groups as they were, in the order in which they came to be."""
        for entry in sorted(entries, key=_age):
            group = entry.group
            self._entries[group.id] = entry
            if not group.active:
                self.agenda.pause(group)
            for n, state in enumerate(group.jobs, 1):
                self.agenda.moved(group, n, group.host(n), None, state)
            self.agenda.zip_moved(group, ZipIdle(0))

    def fold(self, record: RecordedEvent) -> None:
        """Take in an event that the log holds."""
        draft = Draft(record.group, record.n, record.event)
        known = self.entry(record.group).last
        if draft.n in known or (draft.n is None and known):
            self.leftovers += purges(draft)
        self.move(draft, record.command_id)
        self.stamp(draft, record.sequence)
        if is_batch(record.group):
            self._folded.add(record.group)

    def move(self, draft: Draft, command_id: str) -> None:
        """Let an event happen that may not be in the log yet."""
        entry = self._entries.get(draft.group)
        if entry is None:
            entry = self._entries[draft.group] = Entry(draft.group)
        self.moves[token_of(draft.group)] += 1
        if draft.n is None:
            self._move_group(entry.group, draft.event)
        else:
            self._move_job(entry.group, draft.n, draft.event)
        if command_id:
            first = draft.event.first if isinstance(draft.event, JobsAdded) else 0
            entry.group.remember(command_id, first)

    def _move_job(self, group: Group, n: int, event: Event) -> None:
        before = group.job(n)
        batch.evolve(group, n, event)
        self.agenda.moved(group, n, group.host(n), before, group.job(n))

    def _move_group(self, group: Group, event: Event) -> None:
        zip_before = group.zip
        before = [(n, group.job(n), group.host(n)) for n in touched(event, group)]
        self.moves[token_of(group.id)] += len(before)
        batch.evolve(group, None, event)
        for n, state, host in before:
            self.agenda.moved(group, n, host or group.host(n), state, group.job(n))
        self.agenda.zip_moved(group, zip_before)
        if isinstance(event, BatchPaused):
            self.agenda.pause(group)
        elif isinstance(event, BatchResumed | BatchDeleted | BatchFiled):
            self.agenda.resume(group)

    def stamp(self, draft: Draft, sequence: int) -> None:
        """The log holds the event as ``sequence``."""
        entry = self._entries[draft.group]
        entry.last[draft.n] = sequence
        self.position = max(self.position, sequence)
        if isinstance(draft.event, JobsAdded):
            entry.places.append(JobsPlace(draft.event.first, sequence))
        elif isinstance(draft.event, JobSubmitted):
            entry.places.append(JobsPlace(1, sequence))
        elif isinstance(draft.event, BatchFiled):
            entry.last, entry.places = {None: sequence}, []

    def heed(self, passed: Mapping[str, int]) -> None:
        """Note what lies on subjects of events and is none: whoever appends has to know of it."""
        for subject, sequence in passed.items():
            with suppress(ValueError):
                group, n = parse_event_subject(subject)
                if event_subject(group, n) == subject:
                    last = self._entries.setdefault(group, Entry(group)).last
                    last[n] = max(last.get(n, 0), sequence)

    def expected(self, draft: Draft) -> int:
        """The last sequence of the draft's subject, 0 where it has none yet."""
        return self._entries[draft.group].last.get(draft.n, 0)


def _age(entry: Entry) -> int:
    return entry.places[0].sequence if entry.places else 0


def touched(event: Event, group: Group) -> Sequence[int]:
    """The numbers of the jobs that a group's event is about, in ``group`` as it was before."""
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
