"""A batch's document, event by event, and what its letters count to."""

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
    """How many jobs of a batch are how far; ``total`` is their sum."""

    total: int
    pending: int
    processing: int
    completed: int
    failed: int


def counts(states: str) -> Counts:
    """What a batch's letters count to; deleted jobs do not count."""
    return Counts(
        total=len(states) - states.count("d"),
        pending=states.count("p"),
        processing=states.count("r"),
        completed=states.count("c"),
        failed=states.count("f"),
    )


def opened(record: RecordedEvent, event: BatchSubmitted) -> BatchDocument:
    """A batch as it begins, before its jobs are added."""
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
    """A batch while a stretch of events is folded into it.

    Its letters change in place: one event of a large batch must not cost its size.
    """

    def __init__(self, document: BatchDocument, *, is_new: bool = False) -> None:
        self._document = document
        self._sequence = document.sequence
        self._states = bytearray(document.states, "ascii")
        self._changes: dict[str, Any] = {}
        self._is_new = is_new
        self.dropped: set[str] = set()  # ZIPs that were named, or built for nothing

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to write."""
        return self._is_new or self._sequence > self._document.sequence

    def document(self) -> BatchDocument:
        """The batch after all events so far."""
        return msgspec.structs.replace(
            self._document,
            sequence=self._sequence,
            states=self._states.decode("ascii"),
            **self._changes,
        )

    def evolve(self, record: RecordedEvent) -> None:
        """Let an event of the batch's group happen, unless the batch reflects it already."""
        if record.sequence <= self._sequence:
            return
        self._sequence = record.sequence
        if changes_content(record.event):
            if built := self._changes.get("zip"):
                self.dropped.add(built.sha256)
            self._changes |= {"content": record.sequence, "zip": None, "zip_error": None}
        if record.n is not None:
            self._changes["updated_at"] = record.event.at
            self._put(record.n, LETTERS[type(record.event)])
        elif isinstance(record.event, BatchZipRequested | BatchZipBuilt | BatchZipFailed):
            self._evolve_zip(record.event)
        elif isinstance(record.event, BatchFiled):
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
        """A ZIP of what the batch no longer has is none: who asks again gets another one."""
        match event:
            case BatchZipBuilt():
                if event.content == self._changes.get("content", self._document.content):
                    self._changes |= {"zip": event.zip, "zip_error": None}
                else:
                    self.dropped.add(event.zip.sha256)
            case BatchZipFailed():
                self._changes["zip_error"] = event.error
            case BatchZipRequested():
                return  # only the scheduler needs to know

    def _put(self, n: int, letter: int) -> None:
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
