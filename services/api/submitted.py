"""Objects as they were submitted, for answers that come before the projection shows them."""

from datetime import UTC, datetime

from eventjob.contracts.base import Access, JobSpec
from eventjob.contracts.commands import SubmitBatch
from eventjob.domain.ids import batch_group, job_id
from eventjob.projection.read_model import BatchDocument, JobDocument


def submitted_job(
    spec: JobSpec,
    group: str,
    n: int,
    *,
    owner: str | None,
    access: Access,
    batch_id: str | None = None,
) -> JobDocument:
    """The job that will appear."""
    now = datetime.now(UTC)
    return JobDocument(
        job_id=job_id(group, n),
        group=group,
        n=n,
        sequence=0,
        position=0,
        status="pending",
        created_at=now,
        updated_at=now,
        job_name=spec.job_name,
        job_type=spec.job_type,
        parameters=spec.parameters,
        batch_id=batch_id,
        owner=owner,
        access=access,
    )


def submitted_batch(command: SubmitBatch) -> BatchDocument:
    """The batch that will appear; one without jobs is complete at once."""
    now = datetime.now(UTC)
    return BatchDocument(
        batch_id=command.batch_id,
        group=batch_group(command.batch_id),
        sequence=0,
        position=0,
        batch_name=command.batch_name,
        status="processing" if command.jobs else "completed",
        created_at=now,
        updated_at=now,
        completed_at=None if command.jobs else now,
        owner=command.owner,
        access=command.access,
        states="p" * len(command.jobs),
    )
