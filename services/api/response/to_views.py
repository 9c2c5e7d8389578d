"""From documents to what clients see."""

from datetime import UTC, datetime
from functools import lru_cache

import msgspec
from msgspec import UNSET, UnsetType

from eventjob.contracts.base import Access, JobError, JobSpec, LogLine
from eventjob.contracts.commands import SubmitBatch
from eventjob.contracts.work import Bundle
from eventjob.domain.ids import batch_group, format_job_id
from eventjob.projection.fold_batch import counts
from eventjob.projection.read_model import BatchDocument, JobDocument
from eventjob.projection.store import BatchQuery, Document, JobQuery, Page
from services.api.response.cursor import cursor_to
from services.api.response.views import (
    AccessView,
    BatchView,
    ErrorView,
    JobView,
    LogEntry,
    ParametersView,
    Results,
)

_parameters = msgspec.json.Decoder(ParametersView)


@lru_cache(maxsize=4096)  # an answer has each instant several times
def stamp(at: datetime) -> str:
    """RFC 3339 in UTC, with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parameters_view(raw: msgspec.Raw) -> ParametersView:
    """Stored parameters with all their keys."""
    return _parameters.decode(raw)


def job_view(job: JobDocument, results: Results | None = None) -> JobView:
    """A job; ``results`` replaces the light ones that can be told from the document alone."""
    parameters = parameters_view(job.parameters)
    return JobView(
        job_id=job.job_id,
        job_name=job.job_name,
        job_type=job.job_type,
        status=job.status,
        created_at=stamp(job.created_at),
        updated_at=stamp(job.updated_at),
        parameters=parameters,
        access_control=_access(job.access),
        user_id=job.owner or UNSET,
        batch_id=job.batch_id or UNSET,
        processing_started_at=_stamp_if(job.processing_started_at),
        completed_at=_stamp_if(job.completed_at),
        progress=job.progress or UNSET,
        results=results or _light_results(job, parameters),
        error=UNSET if job.error is None else error_view(job.error),
        log_entries=[_log_entry(line) for line in job.log] or UNSET,
    )


def batch_view(batch: BatchDocument) -> BatchView:
    """A batch, its jobs counted."""
    counted = counts(batch.states)
    return BatchView(
        batch_id=batch.batch_id,
        batch_name=batch.batch_name,
        status=batch.status,
        created_at=stamp(batch.created_at),
        updated_at=stamp(batch.updated_at),
        total_jobs=counted.total,
        completed_jobs=counted.completed,
        failed_jobs=counted.failed,
        pending_jobs=counted.pending,
        processing_jobs=counted.processing,
        archived=batch.archived,
        is_active=batch.active,
        access_control=_access(batch.access),
        user_id=batch.owner or UNSET,
        completed_at=_stamp_if(batch.completed_at),
    )


def paging_view(
    page: Page[Document], query: JobQuery | BatchQuery
) -> tuple[int | UnsetType, str | UnsetType]:
    """How many there are, where that was counted, and the cursor to the next page, if any."""
    return (
        UNSET if page.total is None else page.total,
        UNSET if page.next is None else cursor_to(page.next, query),
    )


def full_results(job_id: str, bundle: Bundle, markdown: str) -> Results:
    """All that the session became."""
    return Results(
        markdown_file=f"{job_id}/{bundle.markdown_file}",
        markdown_content=markdown,
        assets=[f"{job_id}/{f.path}" for f in bundle.files if f.path != bundle.markdown_file],
        web_text=bundle.web_text,
        video_transcript=bundle.video_transcript,
        attachments_text=bundle.attachments_text,
        context={"title": bundle.title, "event": bundle.event, "track": bundle.track},
        attachments_url=bundle.attachments_url,
        archive_filename=bundle.archive_filename,
        structured_data=bundle.structured_data,
        target_dir=bundle.target_dir,
        page_texts=bundle.page_texts,
        asset_dir=bundle.asset_dir,
    )


def has_results(job: JobDocument) -> bool:
    """Whether there is something to show, and the ZIP that belongs to it."""
    return job.status == "completed" and job.bundle is not None and bool(job.files)


def archive_filename(job: JobDocument) -> str:
    """The name of the ZIP of a job that has results."""
    return f"{job.files[0].path.rpartition('/')[2].removesuffix('.md')}.zip"


def error_view(error: JobError) -> ErrorView:
    """Why a job failed."""
    return ErrorView(code=error.code, message=error.message, details=dict(error.details))


def _light_results(job: JobDocument, parameters: ParametersView) -> Results | UnsetType:
    """What can be told without the bundle; the Markdown is the first file."""
    if not has_results(job):
        return UNSET
    markdown, *assets = (file.path for file in job.files)
    return Results(
        markdown_file=f"{job.job_id}/{markdown}",
        assets=[f"{job.job_id}/{path}" for path in assets],
        attachments_url=parameters.attachments_url,
        archive_filename=archive_filename(job),
        target_dir=markdown.rpartition("/")[0],
        asset_dir=markdown.removesuffix(".md"),
    )


def _access(access: Access) -> AccessView:
    return AccessView(
        visibility=access.visibility,
        read_access=access.read_access,
        write_access=access.write_access,
        admin_access=access.admin_access,
    )


def _log_entry(line: LogLine) -> LogEntry:
    return LogEntry(timestamp=stamp(line.timestamp), level=line.level, message=line.message)


def _stamp_if(at: datetime | None) -> str | UnsetType:
    return UNSET if at is None else stamp(at)


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
        job_id=format_job_id(group, n),
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
