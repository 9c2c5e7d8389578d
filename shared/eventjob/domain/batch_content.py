"""Fold a batch's events into what its ZIP must contain, and see which events outdate a ZIP."""

from collections.abc import Mapping

import msgspec

from eventjob.contracts.events import (
    BatchSubmitted,
    Event,
    JobCompleted,
    JobDeleted,
    JobFailed,
    JobFetched,
    JobRestarted,
    JobsAdded,
    JobsFailed,
)
from eventjob.domain.recorded_event import RecordedEvent

_CHANGES_CONTENT = frozenset({JobCompleted, JobFailed, JobsFailed, JobRestarted, JobDeleted})


def changes_content(event: Event) -> bool:
    """Return True if ``event`` makes ZIPs that were built before it outdated.

    Every deletion counts, whatever the job was: the log keeps only the deletion, so a purged log
    gives the same answer.
    """
    return type(event) in _CHANGES_CONTENT


class Failure(msgspec.Struct, frozen=True):
    """A failed job: its name and its error code."""

    job_name: str
    code: str


class BatchContent:
    """Results of a batch, folded from all its events in log order."""

    def __init__(self) -> None:
        self.sequence = 0  # of the last event that changed it
        self.title = ""
        self._names: list[str] = []
        self._fetched: dict[int, str] = {}
        self._completed: dict[int, str] = {}
        self._failed: dict[int, str] = {}

    @property
    def bundles(self) -> Mapping[int, str]:
        """Bundle hash of each completed job, ordered by job number."""
        return dict(sorted(self._completed.items()))

    @property
    def failures(self) -> list[Failure]:
        """Failed jobs, ordered by job number."""
        return [Failure(self._names[n - 1], code) for n, code in sorted(self._failed.items())]

    def evolve(self, record: RecordedEvent) -> None:
        """Apply an event of the batch or of one of its jobs."""
        if changes_content(record.event):
            self.sequence = record.sequence
        if record.n is None:
            self._evolve_group(record.event)
        else:
            self._evolve_job(record.n, record.event)

    def _evolve_group(self, event: Event) -> None:
        match event:
            case BatchSubmitted():
                self.title = "" if event.batch_name == event.batch_id else event.batch_name
            case JobsAdded():
                self._names += [spec.job_name for spec in event.jobs]
            case JobsFailed():
                for n in event.numbers:
                    self._end(n)
                    self._failed[n] = event.error.code
            case _:
                return

    def _evolve_job(self, n: int, event: Event) -> None:
        match event:
            case JobFetched():
                self._fetched[n] = event.bundle
            case JobCompleted():
                self._completed[n] = self._fetched.pop(n)
            case JobFailed():
                self._end(n)
                self._failed[n] = event.error.code
            case JobRestarted() | JobDeleted():
                self._end(n)
            case _:
                return

    def _end(self, n: int) -> None:
        for results in (self._fetched, self._completed, self._failed):
            results.pop(n, None)
