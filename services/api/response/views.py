"""Bodies of responses. Their docstrings are the descriptions in the OpenAPI document.

``UNSET`` is absent in JSON; ``None`` is null. Times are RFC 3339, UTC, with milliseconds.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from eventjob.contracts.parameters import Parameters
from eventjob.projection.read_model import Progress, Status

Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
Success = Literal["success"]


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all views."""


class WrongField(View, frozen=True, kw_only=True):
    """Path of an invalid field, such as ``jobs[17].parameters.url``, and the reason."""

    field: str
    message: str


class ErrorAnswer(View, frozen=True, kw_only=True):
    """An error. ``error_type`` is a stable code; ``message`` is for people."""

    status: Literal["error"] = "error"
    error_type: str
    message: str
    details: list[WrongField] | UnsetType = UNSET


class AccessView(View, frozen=True, kw_only=True):
    """Users besides the owner who may read or change the object."""

    visibility: Literal["private", "public"]
    read_access: tuple[str, ...]
    write_access: tuple[str, ...]
    admin_access: tuple[str, ...]


class ParametersView(Parameters, frozen=True, kw_only=True, omit_defaults=False):
    """Parameters of a job. All keys are present; unknown parameters are in ``extra``."""


class ErrorView(View, frozen=True, kw_only=True):
    """Reason why a job failed."""

    code: str
    message: str
    details: dict[str, Any]


class LogEntry(View, frozen=True, kw_only=True):
    """A line of the job's log."""

    timestamp: Time
    level: str
    message: str


class Results(View, frozen=True, kw_only=True):
    """Results of a job. In a list of jobs, long texts are null or [].

    ``markdown_file`` and ``assets`` are paths under ``/files/``. The ZIP is at
    ``download-archive``; ``archive_data`` is always null.
    """

    markdown_file: str | None = None
    markdown_content: str | None = None
    assets: list[str] = []
    web_text: str | None = None
    video_transcript: str | None = None
    attachments_text: str | None = None
    context: dict[str, Any] | None = None
    attachments_url: str | None = None
    archive_data: None = None  # clients expect the key
    archive_filename: str | None = None
    structured_data: Any = None
    target_dir: str | None = None
    page_texts: list[str] = []
    asset_dir: str | None = None


class JobView(View, frozen=True, kw_only=True):
    """A job."""

    job_id: str
    job_name: str
    job_type: str
    status: Status
    created_at: Time
    updated_at: Time
    parameters: ParametersView
    archived: bool = False  # always: only batches are archived, but clients expect the field
    access_control: AccessView
    user_id: str | UnsetType = UNSET
    batch_id: str | UnsetType = UNSET
    processing_started_at: Time | UnsetType = UNSET
    completed_at: Time | UnsetType = UNSET
    progress: Progress | UnsetType = UNSET
    results: Results | UnsetType = UNSET
    error: ErrorView | UnsetType = UNSET
    log_entries: list[LogEntry] | UnsetType = UNSET


class BatchView(View, frozen=True, kw_only=True):
    """A batch. Its counters always add up to ``total_jobs``."""

    batch_id: str
    batch_name: str
    status: Status
    created_at: Time
    updated_at: Time
    total_jobs: int
    completed_jobs: int
    failed_jobs: int
    pending_jobs: int
    processing_jobs: int
    archived: bool
    is_active: bool = msgspec.field(name="isActive")
    access_control: AccessView
    user_id: str | UnsetType = UNSET
    completed_at: Time | UnsetType = UNSET


class Performance(View, frozen=True, kw_only=True):
    """Time spent on a list, in milliseconds."""

    db_query_time_ms: float
    total_time_ms: float


class HistoryEvent(View, frozen=True, kw_only=True):
    """An event of the history; ``seq`` is its sequence in the log."""

    seq: int
    time: Time
    type: str
    actor: str | None
    attempt: int | None
    data: dict[str, Any]


class JobAnswer(View, frozen=True, kw_only=True):
    """A job. It may be absent in a 202 response."""

    status: Success = "success"
    message: str | UnsetType = UNSET
    job: JobView | UnsetType = UNSET


class JobsAnswer(View, frozen=True, kw_only=True):
    """A page of jobs.

    ``total`` counts the jobs of all pages; a request with a ``cursor`` gets none. ``next`` is the
    cursor to the next page, absent on the last one.
    """

    status: Success = "success"
    total: int | UnsetType = UNSET
    next: str | UnsetType = UNSET
    jobs: list[JobView]
    performance: Performance


class BatchAnswer(View, frozen=True, kw_only=True):
    """A batch. ``job_ids`` are present after its creation."""

    status: Success = "success"
    message: str | UnsetType = UNSET
    batch: BatchView | UnsetType = UNSET
    job_ids: list[str] | UnsetType = UNSET


class BatchesAnswer(View, frozen=True, kw_only=True):
    """A page of batches. ``total`` and ``next`` are as in a page of jobs."""

    status: Success = "success"
    total: int | UnsetType = UNSET
    next: str | UnsetType = UNSET
    batches: list[BatchView]


class MessageAnswer(View, frozen=True, kw_only=True):
    """Confirmation of an action."""

    status: Success = "success"
    message: str


class UpdatedAnswer(View, frozen=True, kw_only=True):
    """Confirmation of an action, and the number of batches that it affected."""

    status: Success = "success"
    message: str
    updated_count: int | UnsetType = UNSET


class HistoryAnswer(View, frozen=True, kw_only=True):
    """History of a job or batch, oldest event first."""

    status: Success = "success"
    total: int
    events: list[HistoryEvent]


class NotReadyAnswer(View, frozen=True, kw_only=True):
    """The service is not ready; ``details`` lists the reasons."""

    status: Literal["error"] = "error"
    error_type: Literal["unavailable"] = "unavailable"
    message: str
    details: list[str]
