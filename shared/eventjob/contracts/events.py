"""Events: facts, written by the scheduler alone; all other state is derived from them.

A group is a batch, or a job outside any batch. A `GroupEvent` is on the group's subject, a
`JobEvent` on the job's own. ``at`` is UTC with milliseconds.
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

SCHEMA_VERSION = 1  # within a version only optional fields are added: old events stay readable


class JobSubmitted(Message, frozen=True, kw_only=True):
    """A job outside any batch was accepted, as number 1 of its own group."""

    job_id: str
    job: JobSpec
    owner: str | None
    access: Access
    request_hash: str | None = None
    at: datetime


class BatchSubmitted(Message, frozen=True, kw_only=True):
    """A batch was accepted. Its jobs follow in the same atomic append."""

    batch_id: str
    batch_name: str
    total_jobs: int
    owner: str | None
    access: Access
    webhook: msgspec.Raw = NULL
    request_hash: str | None = None
    at: datetime


class JobsAdded(Message, frozen=True, kw_only=True):
    """Jobs from number ``first`` on were added to a batch; owner and access are the batch's."""

    batch_id: str
    first: int
    jobs: list[JobSpec]  # up to 100 an event: one for each job would cost more
    owner: str | None
    access: Access
    key: str | None = None  # of `AddJob`, so that a repeat adds no second job
    request_hash: str | None = None
    at: datetime


class Start(msgspec.Struct, frozen=True, array_like=True):
    """A job's number and the attempt that starts."""

    n: int
    attempt: int


class JobsStarted(Message, frozen=True, kw_only=True):
    """Attempts were handed to processors. One without a report by ``deadline`` is lost."""

    starts: list[Start]  # one event a round is cheaper than one for each job
    deadline: datetime  # in the log, so a restarted scheduler finds it by folding
    at: datetime


class JobsFailed(Message, frozen=True, kw_only=True):
    """A fail-all ended these unfinished jobs."""

    numbers: list[int]  # only numbers: nothing of a job remains here once it is deleted
    error: JobError
    at: datetime


class BatchPaused(Message, frozen=True, kw_only=True):
    """The batch was paused: it starts no further jobs."""

    at: datetime


class BatchResumed(Message, frozen=True, kw_only=True):
    """The batch was resumed: its jobs start again."""

    at: datetime


class BatchArchived(Message, frozen=True, kw_only=True):
    """The batch was archived."""

    at: datetime


class BatchUnarchived(Message, frozen=True, kw_only=True):
    """The batch was unarchived."""

    at: datetime


class BatchCompleted(Message, frozen=True, kw_only=True):
    """The last job of the batch ended; ``failed`` if every job failed."""

    status: Literal["completed", "failed"]
    at: datetime


class BatchZipRequested(Message, frozen=True, kw_only=True):
    """Building the batch's ZIP began. An attempt without a report by ``deadline`` is lost."""

    attempt: int
    deadline: datetime
    at: datetime


class BatchZipBuilt(Message, frozen=True, kw_only=True):
    """The batch's ZIP was stored."""

    attempt: int
    zip: FileRef
    content: int  # last event reflected; once a newer one changes a job, the ZIP is outdated
    at: datetime


class BatchZipFailed(Message, frozen=True, kw_only=True):
    """Building the batch's ZIP failed; the next request starts a new attempt."""

    attempt: int
    error: JobError
    at: datetime


class BatchDeleted(Message, frozen=True, kw_only=True):
    """The batch and its jobs were deleted. Stays in the log, so the id stays reserved."""

    batch_id: str
    at: datetime


class BatchFiled(Message, frozen=True, kw_only=True):
    """The batch was retired: ``exports`` hold all its events up to ``until``, in order.

    Only deletion is possible from now on. ``completed`` counts the jobs with a result.
    """

    batch_id: str
    until: int
    exports: list[Export]
    completed: int  # this and below repeat purged events: the scheduler still needs them
    owner: str | None
    access: Access
    request_hash: str | None = None
    at: datetime


class JobFetched(Message, frozen=True, kw_only=True):
    """A processor stored the session; ``bundle`` names the artifact with all its texts.

    ``sources`` are kept inputs that are not among ``files``, such as the page and the schedule.
    """

    attempt: int
    bundle: str  # texts stay out of the log: events are small
    files: list[FileRef]
    sources: list[str] = []
    log: list[LogLine] = []
    at: datetime


class AttemptFailed(Message, frozen=True, kw_only=True):
    """An attempt failed; the next one, ``attempt + 1``, is due at ``retry_at``."""

    attempt: int
    error: JobError
    retry_at: datetime  # in the log, so that a restarted scheduler finds it
    counted: bool = True  # false if the host only asked to wait: that uses up no attempt
    log: list[LogLine] = []
    at: datetime


class JobCompleted(Message, frozen=True, kw_only=True):
    """The job's ZIP was stored: the job is completed."""

    attempt: int
    archive: FileRef
    at: datetime


class JobFailed(Message, frozen=True, kw_only=True):
    """The job failed for good."""

    attempt: int
    error: JobError
    log: list[LogLine] = []
    at: datetime


class JobRestarted(Message, frozen=True, kw_only=True):
    """The job was restarted, its outcome discarded; ``attempt`` is the next one."""

    attempt: int
    at: datetime


class JobDeleted(Message, frozen=True, kw_only=True):
    """The job was deleted. Stays in the log, so the id stays reserved."""

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
