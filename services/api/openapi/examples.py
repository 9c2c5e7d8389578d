"""An example of each request body and response, built by the code that builds real ones."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from eventjob.contracts.base import Access, FileRef, LogLine
from eventjob.contracts.parameters import Parameters
from eventjob.domain.access import Caller
from eventjob.projection.read_model import BatchDocument, JobDocument, Progress
from eventjob.projection.store import JobQuery, PageStart
from services.api.request.bodies import (
    ActiveBody,
    ArchivedBody,
    BatchBody,
    BatchJobBody,
    FailAllBody,
    JobBody,
)
from services.api.response.cursor import encode_cursor
from services.api.response.to_views import batch_view, format_time, job_view
from services.api.response.views import (
    BatchAnswer,
    BatchesAnswer,
    ErrorAnswer,
    HistoryAnswer,
    HistoryEvent,
    JobAnswer,
    JobsAnswer,
    MessageAnswer,
    NotReadyAnswer,
    Performance,
    UpdatedAnswer,
    WrongField,
)

_AT = datetime(2030, 2, 1, 9, 30, tzinfo=UTC)
_OWNED = Access(read_access=("ada",), write_access=("ada",), admin_access=("ada",))
_FOLDER = "DemoConf 2030/Main Track"
_PARAMETERS = Parameters(
    event="DemoConf 2030",
    session="Opening",
    url="https://conference.example/sessions/opening",
    filename="opening.md",
    track="Main Track",
    starttime="09:30",
)
_JOB = job_view(
    JobDocument(
        job_id="job-5f0c4a4e-7a58-4c53-9d0e-0d6f3a1f7e11",
        group="j-job-5f0c4a4e-7a58-4c53-9d0e-0d6f3a1f7e11",
        n=1,
        sequence=4,
        position=1,
        status="completed",
        created_at=_AT,
        updated_at=_AT,
        completed_at=_AT,
        job_name="DemoConf 2030 - Main Track - Opening",
        parameters=msgspec.Raw(msgspec.json.encode(_PARAMETERS)),
        owner="ada",
        access=_OWNED,
        progress=Progress(step="completed", percent=100, message="the ZIP is there"),
        bundle="0" * 64,
        files=[
            FileRef(
                path=f"{_FOLDER}/opening.md",
                sha256="0" * 64,
                size_bytes=1200,
                media_type="text/markdown",
            )
        ],
        log=[LogLine(timestamp=_AT, level="info", message="attempt 1 started")],
    )
)
_BATCH = batch_view(
    BatchDocument(
        batch_id="batch-2030",
        group="b-2030",
        sequence=9,
        position=2,
        batch_name="DemoConf 2030",
        status="processing",
        created_at=_AT,
        updated_at=_AT,
        owner="ada",
        access=_OWNED,
        states="cr",
    )
)
_LIST = JobQuery(caller=Caller("ada"))
EXAMPLES: dict[type[msgspec.Struct], msgspec.Struct] = {
    type(example): example
    for example in (
        JobBody(parameters=_PARAMETERS),
        BatchBody(jobs=[BatchJobBody(parameters=_PARAMETERS)], batch_name="DemoConf 2030"),
        ActiveBody(active=False),
        ArchivedBody(archived=False),
        FailAllBody(dry_run=True),
        JobAnswer(message="the job was created", job=_JOB),
        JobsAnswer(
            total=120,
            next=encode_cursor(PageStart(1_896_168_600_000, 1), _LIST),
            jobs=[_JOB],
            performance=Performance(db_query_time_ms=0.8, total_time_ms=1.1),
        ),
        BatchAnswer(
            message="the batch was created", batch=_BATCH, job_ids=["job-2030.1", "job-2030.2"]
        ),
        BatchesAnswer(total=1, batches=[_BATCH]),
        MessageAnswer(message="the job was deleted"),
        UpdatedAnswer(message="failed unfinished jobs in 3 batches", updated_count=3),
        HistoryAnswer(
            total=1,
            events=[
                HistoryEvent(
                    seq=4,
                    time=format_time(_AT),
                    type="job_started",
                    actor="scheduler",
                    attempt=1,
                    data={"deadline": format_time(_AT)},
                )
            ],
        ),
        NotReadyAnswer(message="the store does not answer", details=["the store does not answer"]),
        ErrorAnswer(error_type="not_found", message="there is no job job-5f0c"),
    )
}
_WRONG = WrongField(field="jobs[17].parameters.url", message="is required")


def error_example(code: str) -> dict[str, Any]:
    """Build an example of an error with this code."""
    example = ErrorAnswer(error_type=code, message="the reason, for people")
    if code == "validation_error":
        text = f"{_WRONG.field}: {_WRONG.message}"
        example = ErrorAnswer(error_type=code, message=text, details=[_WRONG])
    built: dict[str, Any] = msgspec.to_builtins(example)
    return built
