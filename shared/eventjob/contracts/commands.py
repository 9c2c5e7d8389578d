"""What users ask for. Published by the api, decided by the scheduler.

The command's id, its actor and the inbox that waits for the outcome travel in headers.
"""

import msgspec

from eventjob.contracts.base import NULL, Access, Export, JobSpec, Message


class SubmitJob(Message, frozen=True, kw_only=True):
    """A job of its own, outside any batch."""

    job_id: str
    job: JobSpec
    owner: str | None
    access: Access
    request_hash: str | None = None  # of the body, where the client sent an Idempotency-Key


class SubmitBatch(Message, frozen=True, kw_only=True):
    """A batch with its jobs, all or nothing."""

    batch_id: str
    batch_name: str
    jobs: list[JobSpec]
    owner: str | None
    access: Access
    webhook: msgspec.Raw = NULL
    request_hash: str | None = None


class AddJob(Message, frozen=True, kw_only=True):
    """One more job in a batch that exists.

    The batch remembers ``key`` (of caller and Idempotency-Key), so that a repeat adds nothing.
    """

    batch_id: str
    job: JobSpec
    key: str | None = None
    request_hash: str | None = None


class RestartJob(Message, frozen=True, kw_only=True):
    """Forget the job's outcome and start a new attempt."""

    job_id: str


class DeleteJob(Message, frozen=True, kw_only=True):
    """Stop the job and remove it; its id stays taken."""

    job_id: str


class SetBatchActive(Message, frozen=True, kw_only=True):
    """Let the batch start jobs or not; None flips."""

    batch_id: str
    active: bool | None = None


class SetBatchArchived(Message, frozen=True, kw_only=True):
    """Put the batch away, or take it back."""

    batch_id: str
    archived: bool


class DeleteBatch(Message, frozen=True, kw_only=True):
    """Remove the batch with all its jobs; its id stays taken."""

    batch_id: str


class BuildBatchZip(Message, frozen=True, kw_only=True):
    """Pack the results of the batch's completed jobs into one ZIP; who may read it may ask."""

    batch_id: str


class FileBatch(Message, frozen=True, kw_only=True):
    """Take the events of an archived batch out of the log; they were exported up to ``until``."""

    batch_id: str
    until: int
    exports: list[Export]


class FailBatches(Message, frozen=True, kw_only=True):
    """Fail every unfinished job of each batch of one partition that the actor may change."""

    dry_run: bool = False


class StoredCommand(Message, frozen=True, kw_only=True):
    """A command too large for one message: its bytes are an artifact."""

    sha256: str


GroupCommand = (
    SubmitJob
    | SubmitBatch
    | AddJob
    | RestartJob
    | DeleteJob
    | SetBatchActive
    | SetBatchArchived
    | DeleteBatch
    | BuildBatchZip
    | FileBatch
)
Command = GroupCommand | FailBatches | StoredCommand
