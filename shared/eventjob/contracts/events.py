"""What has happened. Written by the scheduler alone; everything else is derived from these.

A group is a batch, or a job alone. The events of the first half lie on the group's subject, those
of the second half on the job's own. ``at`` is UTC with milliseconds. Within a schema version only
optional fields are added.
"""

from datetime import datetime
from typing import Literal

import msgspec

from eventjob.contracts.base import (
    NULL,
    Access,
    Export,
    FileRef,
    JobError,
    JobSpec,
    LogLine,
    Message,
)

SCHEMA_VERSION = 1


class JobSubmitted(Message, frozen=True, kw_only=True):
    """A job alone was accepted; it is number 1 of its own group."""

    job_id: str
    job: JobSpec
    owner: str | None
    access: Access
    request_hash: str | None = None
    at: datetime


class BatchSubmitted(Message, frozen=True, kw_only=True):
    """A batch was accepted; its ``total_jobs`` jobs follow in the same atomic append."""

    batch_id: str
    batch_name: str
    total_jobs: int
    owner: str | None
    access: Access
    webhook: msgspec.Raw = NULL
    request_hash: str | None = None
    at: datetime


class JobsAdded(Message, frozen=True, kw_only=True):
    """Jobs ``first`` to ``first + len(jobs) - 1`` of a batch; owner and access are the batch's."""

    batch_id: str
    first: int
    jobs: list[JobSpec]
    owner: str | None
    access: Access
    key: str | None = None
    request_hash: str | None = None
    at: datetime


class Start(msgspec.Struct, frozen=True, array_like=True):
    """One line of a `JobsStarted`: a job's number and the attempt that begins."""

    n: int
    attempt: int


class JobsStarted(Message, frozen=True, kw_only=True):
    """Attempts that were handed to processors. Each is lost at ``deadline`` if nobody reports."""

    starts: list[Start]
    deadline: datetime
    at: datetime


class JobsFailed(Message, frozen=True, kw_only=True):
    """Unfinished jobs that a person failed all at once."""

    numbers: list[int]
    error: JobError
    at: datetime


class BatchPaused(Message, frozen=True, kw_only=True):
    """No further job of the batch starts."""

    at: datetime


class BatchResumed(Message, frozen=True, kw_only=True):
    """Jobs of the batch start again."""

    at: datetime


class BatchArchived(Message, frozen=True, kw_only=True):
    """The batch was put away."""

    at: datetime


class BatchUnarchived(Message, frozen=True, kw_only=True):
    """The batch was taken back."""

    at: datetime


class BatchCompleted(Message, frozen=True, kw_only=True):
    """No job of the batch is unfinished any more; failed where every job failed."""

    status: Literal["completed", "failed"]
    at: datetime


class BatchZipRequested(Message, frozen=True, kw_only=True):
    """A ZIP of all completed jobs was asked for. It is lost at ``deadline`` if nobody reports."""

    attempt: int
    deadline: datetime
    at: datetime


class BatchZipBuilt(Message, frozen=True, kw_only=True):
    """The batch's ZIP is there; ``content`` is the last event whose effect is in it."""

    attempt: int
    zip: FileRef
    content: int
    at: datetime


class BatchZipFailed(Message, frozen=True, kw_only=True):
    """The batch's ZIP was not built, until somebody asks again."""

    attempt: int
    error: JobError
    at: datetime


class BatchDeleted(Message, frozen=True, kw_only=True):
    """The batch and its jobs are gone: the tombstone that keeps its id taken."""

    batch_id: str
    at: datetime


class BatchFiled(Message, frozen=True, kw_only=True):
    """All events of the batch and its jobs up to ``until`` lie in ``exports``, in their order.

    Nothing in the batch changes any more, but that it may be deleted. What the scheduler has to
    know of it is said here again; ``completed`` is how many jobs have a result.
    """

    batch_id: str
    until: int
    exports: list[Export]
    completed: int
    owner: str | None
    access: Access
    request_hash: str | None = None
    at: datetime


class JobFetched(Message, frozen=True, kw_only=True):
    """A processor stored the session: ``bundle`` names the artifact with all its texts.

    ``sources`` are the artifacts that it was made of, as far as they were kept and are no files.
    """

    attempt: int
    bundle: str
    files: list[FileRef]
    sources: list[str] = []
    log: list[LogLine] = []
    at: datetime


class AttemptFailed(Message, frozen=True, kw_only=True):
    """An attempt failed and the next one, ``attempt + 1``, is due at ``retry_at``.

    ``counted`` is false where the host only asked to wait: that uses up no attempt.
    """

    attempt: int
    error: JobError
    retry_at: datetime
    counted: bool = True
    log: list[LogLine] = []
    at: datetime


class JobCompleted(Message, frozen=True, kw_only=True):
    """The job's ZIP is there."""

    attempt: int
    archive: FileRef
    at: datetime


class JobFailed(Message, frozen=True, kw_only=True):
    """The job ended without a result."""

    attempt: int
    error: JobError
    log: list[LogLine] = []
    at: datetime


class JobRestarted(Message, frozen=True, kw_only=True):
    """Results and error are forgotten; ``attempt`` is the one that comes next."""

    attempt: int
    at: datetime


class JobDeleted(Message, frozen=True, kw_only=True):
    """The job is gone: the tombstone that keeps its id taken."""

    job_id: str
    at: datetime


GroupEvent = (
    JobSubmitted
    | BatchSubmitted
    | JobsAdded
    | JobsStarted
    | JobsFailed
    | BatchPaused
    | BatchResumed
    | BatchArchived
    | BatchUnarchived
    | BatchCompleted
    | BatchZipRequested
    | BatchZipBuilt
    | BatchZipFailed
    | BatchDeleted
    | BatchFiled
)
JobEvent = JobFetched | AttemptFailed | JobCompleted | JobFailed | JobRestarted | JobDeleted
Event = GroupEvent | JobEvent
