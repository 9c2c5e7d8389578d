"""What clients get to see: the answers' shapes, which are also their documentation.

``UNSET`` is absent on the wire; ``None`` is null. Times are RFC 3339, UTC, with milliseconds.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from eventjob.contracts.parameters import Parameters
from eventjob.projection.read_model import Progress, Status

Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
Success = Literal["success"]


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is shown."""


class WrongField(View, frozen=True, kw_only=True):
    """A field by its path (``jobs[17].parameters.url``), and what is wrong with it."""

    field: str
    message: str


class ErrorAnswer(View, frozen=True, kw_only=True):
    """Every error looks like this; ``error_type`` is stable, ``message`` is for people."""

    status: Literal["error"] = "error"
    error_type: str
    message: str
    details: list[WrongField] | UnsetType = UNSET


class AccessView(View, frozen=True, kw_only=True):
    """Who besides the owner may read or change it."""

    visibility: Literal["private", "public"]
    read_access: tuple[str, ...]
    write_access: tuple[str, ...]
    admin_access: tuple[str, ...]


class ParametersView(Parameters, frozen=True, kw_only=True, omit_defaults=False):
    """A job's parameters, every key there; unknown ones were put into ``extra``."""


class ErrorView(View, frozen=True, kw_only=True):
    """Why a job failed."""

    code: str
    message: str
    details: dict[str, Any]


class LogEntry(View, frozen=True, kw_only=True):
    """A line of the job's own log."""

    timestamp: Time
    level: str
    message: str


class Results(View, frozen=True, kw_only=True):
    """What a session became. In lists the long texts are null or [].

    ``markdown_file`` and ``assets`` are paths under ``/files/``; the ZIP is at
    ``download-archive``, and ``archive_data`` is always null.
    """

    markdown_file: str | None = None
    markdown_content: str | None = None
    assets: list[str] = []
    web_text: str | None = None
    video_transcript: str | None = None
    attachments_text: str | None = None
    context: dict[str, Any] | None = None
    attachments_url: str | None = None
    archive_data: None = None
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
    archived: bool = False
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
    """A batch; its counters always add up to ``total_jobs``."""

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
    """Where a list's time went, in milliseconds."""

    db_query_time_ms: float
    total_time_ms: float


class HistoryEvent(View, frozen=True, kw_only=True):
    """One thing that happened; ``seq`` is its place in the log."""

    seq: int
    time: Time
    type: str
    actor: str | None
    attempt: int | None
    data: dict[str, Any]


class JobAnswer(View, frozen=True, kw_only=True):
    """One job; absent only in a 202 whose job nobody can show yet."""

    status: Success = "success"
    message: str | UnsetType = UNSET
    job: JobView | UnsetType = UNSET


class JobsAnswer(View, frozen=True, kw_only=True):
    """A page of jobs; ``total`` counts all pages and is absent after a ``cursor``.

    ``next`` is the cursor to the next page, absent on the last one.
    """

    status: Success = "success"
    total: int | UnsetType = UNSET
    next: str | UnsetType = UNSET
    jobs: list[JobView]
    performance: Performance


class BatchAnswer(View, frozen=True, kw_only=True):
    """One batch; ``job_ids`` after its creation."""

    status: Success = "success"
    message: str | UnsetType = UNSET
    batch: BatchView | UnsetType = UNSET
    job_ids: list[str] | UnsetType = UNSET


class BatchesAnswer(View, frozen=True, kw_only=True):
    """A page of batches, with ``total`` and ``next`` as in a page of jobs."""

    status: Success = "success"
    total: int | UnsetType = UNSET
    next: str | UnsetType = UNSET
    batches: list[BatchView]


class MessageAnswer(View, frozen=True, kw_only=True):
    """It was done."""

    status: Success = "success"
    message: str


class UpdatedAnswer(View, frozen=True, kw_only=True):
    """It was done to so many batches."""

    status: Success = "success"
    message: str
    updated_count: int | UnsetType = UNSET


class HistoryAnswer(View, frozen=True, kw_only=True):
    """What happened, oldest first."""

    status: Success = "success"
    total: int
    events: list[HistoryEvent]


class NotReadyAnswer(View, frozen=True, kw_only=True):
    """Why the service cannot work; ``details`` has the reasons one by one."""

    status: Literal["error"] = "error"
    error_type: Literal["unavailable"] = "unavailable"
    message: str
    details: list[str]
