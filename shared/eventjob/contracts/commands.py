"""Commands: requests of users, sent by the api and decided by the scheduler.

Headers carry the command's id, the actor, the actor's right and the inbox for the reply.
"""

import msgspec

from eventjob.contracts.base import NULL, Access, Export, JobSpec, Message


class SubmitJob(Message, frozen=True, kw_only=True):
    """Submit a job outside any batch."""

    job_id: str
    job: JobSpec
    owner: str | None
    access: Access
    request_hash: str | None = None  # of the body, if there is an Idempotency-Key


class SubmitBatch(Message, frozen=True, kw_only=True):
    """Submit a batch with all its jobs."""

    batch_id: str
    batch_name: str
    jobs: list[JobSpec]
    owner: str | None
    access: Access
    webhook: msgspec.Raw = NULL
    request_hash: str | None = None


class AddJob(Message, frozen=True, kw_only=True):
    """Add a job to an existing batch."""

    batch_id: str
    job: JobSpec
    key: str | None = None  # of caller and Idempotency-Key; the batch recognises a repeat by it
    request_hash: str | None = None


class RestartJob(Message, frozen=True, kw_only=True):
    """Discard the job's outcome and start a new attempt."""

    job_id: str


class DeleteJob(Message, frozen=True, kw_only=True):
    """Stop and remove the job; its id stays reserved."""

    job_id: str  # contains group and number, so it leads to a literal subject


class SetBatchActive(Message, frozen=True, kw_only=True):
    """Pause or resume the batch; None toggles."""

    batch_id: str
    active: bool | None = None


class SetBatchArchived(Message, frozen=True, kw_only=True):
    """Archive or unarchive the batch."""

    batch_id: str
    archived: bool


class DeleteBatch(Message, frozen=True, kw_only=True):
    """Remove the batch with all its jobs; its id stays reserved."""

    batch_id: str


class BuildBatchZip(Message, frozen=True, kw_only=True):
    """Build one ZIP of the batch's completed jobs. Needs read access only."""

    batch_id: str


class FileBatch(Message, frozen=True, kw_only=True):
    """Retire an archived batch: purge its events up to ``until``, which ``exports`` hold."""

    batch_id: str
    until: int  # refused if the batch has newer events: the exports would lack them
    exports: list[Export]


class FailBatches(Message, frozen=True, kw_only=True):
    """Fail the unfinished jobs of all batches of a partition that the actor may change."""

    dry_run: bool = False  # count them only


class StoredCommand(Message, frozen=True, kw_only=True):
    """A command that is too large for a message, stored as an artifact."""

    sha256: str  # a large batch exceeds ``max_payload``, 8 MB


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
