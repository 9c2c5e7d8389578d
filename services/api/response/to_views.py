"""Convert documents to the views that clients receive."""

from datetime import UTC, datetime
from functools import lru_cache

import msgspec
from msgspec import UNSET, UnsetType

from eventjob.contracts.base import Access, JobError, JobSpec, LogLine
from eventjob.contracts.commands import SubmitBatch
from eventjob.contracts.work import Bundle
from eventjob.domain.ids import batch_group, format_job_id
from eventjob.projection.fold_batch import count_states
from eventjob.projection.read_model import BatchDocument, JobDocument
from eventjob.projection.store import BatchQuery, Document, JobQuery, Page
from services.api.response.cursor import encode_cursor
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


@lru_cache(maxsize=4096)  # a response repeats its times
def format_time(at: datetime) -> str:
    """Format a time as RFC 3339 in UTC, with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parameters_view(raw: msgspec.Raw) -> ParametersView:
    """Decode stored parameters; defaults fill in what is absent."""
    return _parameters.decode(raw)


def job_view(job: JobDocument, results: Results | None = None) -> JobView:
    """Convert a job. ``results`` default to the few that the document itself holds."""
    parameters = parameters_view(job.parameters)
    return JobView(
        job_id=job.job_id,
        job_name=job.job_name,
        job_type=job.job_type,
        status=job.status,
        created_at=format_time(job.created_at),
        updated_at=format_time(job.updated_at),
        parameters=parameters,
        access_control=_access(job.access),
        user_id=job.owner or UNSET,
        batch_id=job.batch_id or UNSET,
        processing_started_at=_format_if_set(job.processing_started_at),
        completed_at=_format_if_set(job.completed_at),
        progress=job.progress or UNSET,
        results=results or _light_results(job, parameters),
        error=UNSET if job.error is None else error_view(job.error),
        log_entries=[_log_entry(line) for line in job.log] or UNSET,
    )


def batch_view(batch: BatchDocument) -> BatchView:
    """Convert a batch and count its jobs by status."""
    by_status = count_states(batch.states)
    return BatchView(
        batch_id=batch.batch_id,
        batch_name=batch.batch_name,
        status=batch.status,
        created_at=format_time(batch.created_at),
        updated_at=format_time(batch.updated_at),
        total_jobs=by_status.total,
        completed_jobs=by_status.completed,
        failed_jobs=by_status.failed,
        pending_jobs=by_status.pending,
        processing_jobs=by_status.processing,
        archived=batch.archived,
        is_active=batch.active,
        access_control=_access(batch.access),
        user_id=batch.owner or UNSET,
        completed_at=_format_if_set(batch.completed_at),
    )


def paging_view(
    page: Page[Document], query: JobQuery | BatchQuery
) -> tuple[int | UnsetType, str | UnsetType]:
    """Return the total, if it was counted, and the cursor to the next page, if any."""
    return (
        UNSET if page.total is None else page.total,
        UNSET if page.next is None else encode_cursor(page.next, query),
    )


def full_results(job_id: str, bundle: Bundle, markdown: str) -> Results:
    """Convert a bundle and its Markdown to full results."""
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
    """True if the job has results to show."""
    return job.status == "completed" and job.bundle is not None and bool(job.files)


def zip_filename(job: JobDocument) -> str:
    """Return the name of the ZIP of a job that has results."""
    return f"{job.files[0].path.rpartition('/')[2].removesuffix('.md')}.zip"


def error_view(error: JobError) -> ErrorView:
    """Convert the reason of a failure."""
    return ErrorView(code=error.code, message=error.message, details=dict(error.details))


def preview_job(
    spec: JobSpec,
    group: str,
    n: int,
    *,
    owner: str | None,
    access: Access,
    batch_id: str | None = None,
) -> JobDocument:
    """Build a job as the projection will show it."""
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


def preview_batch(command: SubmitBatch) -> BatchDocument:
    """Build a batch as the projection will show it; an empty one is completed at once."""
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


def _light_results(job: JobDocument, parameters: ParametersView) -> Results | UnsetType:
    if not has_results(job):
        return UNSET
    markdown, *assets = (file.path for file in job.files)  # the Markdown is the first file
    return Results(
        markdown_file=f"{job.job_id}/{markdown}",
        assets=[f"{job.job_id}/{path}" for path in assets],
        attachments_url=parameters.attachments_url,
        archive_filename=zip_filename(job),
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
    return LogEntry(timestamp=format_time(line.timestamp), level=line.level, message=line.message)


def _format_if_set(at: datetime | None) -> str | UnsetType:
    return UNSET if at is None else format_time(at)
