"""Fold a batch's events into its document."""

from typing import Any

import msgspec

from eventjob.contracts.events import (
    AttemptFailed,
    BatchArchived,
    BatchCompleted,
    BatchFiled,
    BatchPaused,
    BatchResumed,
    BatchSubmitted,
    BatchUnarchived,
    BatchZipBuilt,
    BatchZipFailed,
    BatchZipRequested,
    Event,
    JobCompleted,
    JobDeleted,
    JobFailed,
    JobFetched,
    JobRestarted,
    JobsAdded,
    JobsFailed,
    JobsStarted,
)
from eventjob.domain.batch_content import changes_content
from eventjob.domain.recorded_event import RecordedEvent
from eventjob.projection.fold_job import position
from eventjob.projection.read_model import BatchDocument

PENDING, RUNNING, COMPLETED, FAILED, DELETED = b"prcfd"
UNFINISHED = frozenset({PENDING, RUNNING})

LETTERS: dict[type[Event], int] = {
    JobFetched: RUNNING,
    AttemptFailed: PENDING,
    JobCompleted: COMPLETED,
    JobFailed: FAILED,
    JobRestarted: PENDING,
    JobDeleted: DELETED,
}


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """The number of a batch's jobs by status; ``total`` is their sum."""

    total: int
    pending: int
    processing: int
    completed: int
    failed: int


def count_states(states: str) -> Counts:
    """Count a batch's letters, without deleted jobs."""
    return Counts(
        total=len(states) - states.count("d"),
        pending=states.count("p"),
        processing=states.count("r"),
        completed=states.count("c"),
        failed=states.count("f"),
    )


def open_batch(record: RecordedEvent, event: BatchSubmitted) -> BatchDocument:
    """Create the document of a batch that has no jobs yet."""
    return BatchDocument(
        batch_id=event.batch_id,
        group=record.group,
        sequence=record.sequence,
        position=position(record.sequence),
        batch_name=event.batch_name,
        status="processing",
        created_at=event.at,
        updated_at=event.at,
        owner=event.owner,
        access=event.access,
    )


class BatchFold:
    """A batch's document while a stretch is folded into it."""

    def __init__(self, document: BatchDocument, *, is_new: bool = False) -> None:
        self._document = document
        self._sequence = document.sequence
        # changed in place: an event of a large batch must not cost the batch's size
        self._states = bytearray(document.states, "ascii")
        self._changes: dict[str, Any] = {}
        self._is_new = is_new
        self.dropped: set[str] = set()  # ZIPs replaced or already outdated when built

    @property
    def is_changed(self) -> bool:
        """True if the document must be written."""
        return self._is_new or self._sequence > self._document.sequence

    def document(self) -> BatchDocument:
        """Return the document after the events applied so far."""
        return msgspec.structs.replace(
            self._document,
            sequence=self._sequence,
            states=self._states.decode("ascii"),
            **self._changes,
        )

    def evolve(self, record: RecordedEvent) -> None:
        """Apply an event of the batch's group, unless the document reflects it already."""
        if record.sequence <= self._sequence:
            return
        self._sequence = record.sequence
        if changes_content(record.event):
            if replaced := self._changes.get("zip"):
                self.dropped.add(replaced.sha256)
            self._changes |= {"content": record.sequence, "zip": None, "zip_error": None}
        if record.n is not None:
            self._changes["updated_at"] = record.event.at
            self._put(record.n, LETTERS[type(record.event)])
        elif isinstance(record.event, BatchZipRequested | BatchZipBuilt | BatchZipFailed):
            self._evolve_zip(record.event)
        elif isinstance(record.event, BatchFiled):
            # no `updated_at`: retiring changes nothing that a reader sees
            self._changes["exports"] = record.event.exports
        else:
            self._changes["updated_at"] = record.event.at
            self._evolve_group(record.event)

    def _evolve_group(self, event: Event) -> None:
        match event:
            case JobsAdded():
                last = event.first + len(event.jobs) - 1
                self._states.extend(bytes([PENDING]) * (last - len(self._states)))
                self._reopen()
            case JobsStarted():
                for start in event.starts:
                    self._put_unfinished(start.n, RUNNING)
            case JobsFailed():
                for n in event.numbers:
                    self._put_unfinished(n, FAILED)
            case BatchPaused() | BatchResumed():
                self._changes["active"] = isinstance(event, BatchResumed)
            case BatchArchived() | BatchUnarchived():
                self._changes["archived"] = isinstance(event, BatchArchived)
            case BatchCompleted():
                self._changes |= {"status": event.status, "completed_at": event.at}
            case _:
                raise TypeError(f"no event of a batch: {event!r}")

    def _evolve_zip(self, event: BatchZipRequested | BatchZipBuilt | BatchZipFailed) -> None:
        match event:
            case BatchZipBuilt():
                # a ZIP of older content is useless: a deleted session must not survive in it
                if event.content == self._changes.get("content", self._document.content):
                    self._changes |= {"zip": event.zip, "zip_error": None}
                else:
                    self.dropped.add(event.zip.sha256)
            case BatchZipFailed():
                self._changes["zip_error"] = event.error
            case BatchZipRequested():
                return  # readers see only results

    def _put(self, n: int, letter: int) -> None:
        # a report may come after its job's deletion
        if self._letter(n) in {None, DELETED}:
            return
        self._states[n - 1] = letter
        if letter in UNFINISHED:
            self._reopen()

    def _put_unfinished(self, n: int, letter: int) -> None:
        if self._letter(n) in UNFINISHED:
            self._put(n, letter)

    def _letter(self, n: int) -> int | None:
        return self._states[n - 1] if 1 <= n <= len(self._states) else None

    def _reopen(self) -> None:
        self._changes |= {"status": "processing", "completed_at": None}
