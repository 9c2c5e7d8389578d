"""Events as they stand in a log, for tests: numbered as they are made, a second apart."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from eventjob.contracts.base import FileRef, JobError, JobSpec
from eventjob.contracts.events import (
    AttemptFailed,
    BatchSubmitted,
    Event,
    JobCompleted,
    JobFailed,
    JobFetched,
    JobRestarted,
    JobsAdded,
    JobsStarted,
    JobSubmitted,
    Start,
)
from eventjob.domain.access import private_access
from eventjob.domain.ids import batch_group
from eventjob.domain.recorded_event import RecordedEvent

BEGINNING = datetime(2030, 1, 1, tzinfo=UTC)
RETRY_AT = datetime(2030, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
TIMEOUT = JobError(code="timeout", message="no answer within 10 s")
SOURCE = "5" * 64
BUNDLE, PAGE, ZIP = "b" * 64, "d" * 64, "e" * 64


def file(sha256: str = PAGE, path: str = "page.md") -> FileRef:
    return FileRef(path=path, sha256=sha256, size_bytes=1, media_type="text/markdown")


def spec(name: str = "FOSDEM - Main - Ünïcode") -> JobSpec:
    parameters = msgspec.Raw(msgspec.json.encode({"event": "FOSDEM", "session": name}))
    return JobSpec(parameters=parameters, host="fosdem.org", job_name=name)


class Log:
    """A log that is appended to by hand."""

    def __init__(self) -> None:
        self.records: list[RecordedEvent] = []

    @property
    def at(self) -> datetime:
        return BEGINNING + timedelta(seconds=len(self.records) + 1)

    def add(self, group: str, n: int | None, event: Event) -> RecordedEvent:
        self.records.append(RecordedEvent(len(self.records) + 1, group, n, event))
        return self.records[-1]

    def submit(self, job_id: str = "job-a", owner: str | None = "ann") -> RecordedEvent:
        event = JobSubmitted(
            job_id=job_id, job=spec(), owner=owner, access=private_access(owner), at=self.at
        )
        return self.add(f"j-{job_id}", None, event)

    def batch(
        self, size: int, batch_id: str = "batch-x", owner: str | None = "ann", per_event: int = 100
    ) -> str:
        """The group of a batch of so many jobs."""
        group = batch_group(batch_id)
        opened = BatchSubmitted(
            batch_id=batch_id,
            batch_name="A batch",
            total_jobs=size,
            owner=owner,
            access=private_access(owner),
            at=self.at,
        )
        self.add(group, None, opened)
        for first in range(1, size + 1, per_event):
            count = min(per_event, size + 1 - first)
            self.more(group, first, count, batch_id=batch_id, owner=owner)
        return group

    def more(
        self,
        group: str,
        first: int,
        count: int = 1,
        *,
        batch_id: str = "batch-x",
        owner: str | None = "ann",
    ) -> RecordedEvent:
        event = JobsAdded(
            batch_id=batch_id,
            first=first,
            jobs=[spec()] * count,
            owner=owner,
            access=private_access(owner),
            at=self.at,
        )
        return self.add(group, None, event)

    def start(self, group: str, numbers: Sequence[int] = (1,), attempt: int = 1) -> RecordedEvent:
        starts = [Start(n, attempt) for n in numbers]
        return self.add(group, None, JobsStarted(starts=starts, deadline=RETRY_AT, at=self.at))

    def fetch(self, group: str, n: int = 1, attempt: int = 1) -> RecordedEvent:
        made = {"bundle": BUNDLE, "files": [file()], "sources": [SOURCE]}
        event = JobFetched(attempt=attempt, **made, at=self.at)
        return self.add(group, n, event)

    def complete(self, group: str, n: int = 1, attempt: int = 1) -> RecordedEvent:
        return self.add(group, n, JobCompleted(attempt=attempt, archive=file(ZIP), at=self.at))

    def fail(self, group: str, n: int = 1, attempt: int = 1) -> RecordedEvent:
        return self.add(group, n, JobFailed(attempt=attempt, error=TIMEOUT, at=self.at))

    def retry(
        self, group: str, n: int = 1, attempt: int = 1, *, counted: bool = True
    ) -> RecordedEvent:
        event = AttemptFailed(
            attempt=attempt, error=TIMEOUT, retry_at=RETRY_AT, counted=counted, at=self.at
        )
        return self.add(group, n, event)

    def restart(self, group: str, n: int = 1, attempt: int = 2) -> RecordedEvent:
        return self.add(group, n, JobRestarted(attempt=attempt, at=self.at))
