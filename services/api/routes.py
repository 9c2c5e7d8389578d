"""The table of contents of the API: every operation, in the order in which they are tried."""

from http import HTTPStatus

from eventjob.contracts.paths import BASE_PATH
from services.api.openapi import pages
from services.api.openapi.operation import Operation
from services.api.operations import batches, files, health, history, jobs, metrics
from services.api.request.bodies import ActiveBody, ArchivedBody, BatchBody, FailAllBody, JobBody
from services.api.response.views import (
    BatchAnswer,
    BatchesAnswer,
    HistoryAnswer,
    JobAnswer,
    JobsAnswer,
    MessageAnswer,
    NotReadyAnswer,
    UpdatedAnswer,
)

_JOBS = f"{BASE_PATH}/jobs"
_JOB = f"{_JOBS}/{{job_id}}"
_BATCHES = f"{BASE_PATH}/batches"
_BATCH = f"{_BATCHES}/{{batch_id}}"

_DOOR = ("unauthenticated", "rate_limited")  # where API keys are in use
_ANY = (*_DOOR, "validation_error", "permission_denied", "internal", "unavailable")
_ONE = (*_ANY, "not_found")
_PAST = (*_ONE, "history_lost")
_SENT = (*_ANY, "payload_too_large", "unsupported_media_type")
_NEW = (*_SENT, "not_found", "conflict", "idempotency_mismatch", "storage_full")
_USER = ("X-User-ID",)
_CREATING = (*_USER, "Idempotency-Key", "X-Use-Cache")
_TAGGED = (*_USER, "If-None-Match")
_RANGED = (*_TAGGED, "Range", "If-Range")
_PAGING = ("user_id", "sort", "order", "limit", "skip", "cursor")

OPERATIONS = (
    Operation(
        method="POST",
        path=_JOBS,
        handler=jobs.submit_job,
        body=JobBody,
        answer=JobAnswer,
        status=HTTPStatus.CREATED,
        later=True,
        headers=_CREATING,
        errors=_NEW,
    ),
    Operation(
        method="GET",
        path=_JOBS,
        handler=jobs.list_jobs,
        answer=JobsAnswer,
        query=("status", "batch_id", *_PAGING),
        headers=_USER,
        errors=_ANY,
    ),
    Operation(
        method="GET",
        path=_JOB,
        handler=jobs.get_job,
        answer=JobAnswer,
        query=("as_of",),
        headers=_TAGGED,
        errors=_PAST,
    ),
    Operation(
        method="DELETE",
        path=_JOB,
        handler=jobs.delete_job,
        answer=MessageAnswer,
        later=True,
        headers=_USER,
        errors=_ONE,
    ),
    Operation(
        method="GET",
        path=f"{_JOB}/download-archive",
        handler=files.download_archive,
        answer="application/zip",
        headers=_RANGED,
        errors=(*_ONE, "range_not_satisfiable"),
    ),
    Operation(
        method="GET",
        path=f"{_JOB}/history",
        handler=history.get_job_history,
        answer=HistoryAnswer,
        headers=_USER,
        errors=_PAST,
    ),
    *(
        Operation(
            method="POST",
            path=path,
            handler=jobs.restart_job,
            answer=JobAnswer,
            later=True,
            headers=_USER,
            errors=(*_ONE, "storage_full"),
        )
        for path in (f"{_JOB}/restart", f"{BASE_PATH}/{{job_id}}/restart")
    ),
    Operation(
        method="POST",
        path=_BATCHES,
        handler=batches.submit_batch,
        body=BatchBody,
        answer=BatchAnswer,
        status=HTTPStatus.CREATED,
        later=True,
        headers=_CREATING,
        errors=_NEW,
    ),
    Operation(
        method="GET",
        path=_BATCHES,
        handler=batches.list_batches,
        answer=BatchesAnswer,
        query=("status", "archived", *_PAGING),
        headers=_USER,
        errors=_ANY,
    ),
    Operation(
        method="POST",
        path=f"{_BATCHES}/fail-all",
        handler=batches.fail_all,
        body=FailAllBody,
        is_body_optional=True,
        answer=UpdatedAnswer,
        later=True,
        query=("dry_run",),
        headers=_USER,
        errors=_SENT,
    ),
    Operation(
        method="GET",
        path=_BATCH,
        handler=batches.get_batch,
        answer=BatchAnswer,
        query=("as_of",),
        headers=_TAGGED,
        errors=_PAST,
    ),
    Operation(
        method="DELETE",
        path=_BATCH,
        handler=batches.delete_batch,
        answer=MessageAnswer,
        later=True,
        headers=_USER,
        errors=_ONE,
    ),
    Operation(
        method="POST",
        path=f"{_BATCH}/archive",
        handler=batches.archive_batch,
        body=ArchivedBody,
        is_body_optional=True,
        answer=BatchAnswer,
        later=True,
        headers=_USER,
        errors=(*_SENT, "not_found"),
    ),
    Operation(
        method="POST",
        path=f"{_BATCH}/toggle-active",
        handler=batches.toggle_active,
        body=ActiveBody,
        is_body_optional=True,
        answer=BatchAnswer,
        later=True,
        headers=_USER,
        errors=(*_SENT, "not_found"),
    ),
    Operation(
        method="GET",
        path=f"{_BATCH}/download-archive",
        handler=files.download_batch_archive,
        answer="application/zip",
        headers=_RANGED,
        errors=(*_ONE, "conflict", "storage_full", "range_not_satisfiable"),
    ),
    Operation(
        method="GET",
        path=f"{_BATCH}/history",
        handler=history.get_batch_history,
        answer=HistoryAnswer,
        headers=_USER,
        errors=_PAST,
    ),
    Operation(
        method="GET",
        path=f"{BASE_PATH}/files/{{path:path}}",
        handler=files.get_file,
        answer="*/*",
        headers=_RANGED,
        errors=(*_ONE, "range_not_satisfiable"),
    ),
    Operation(method="GET", path="/healthz", handler=health.get_health, answer=MessageAnswer),
    Operation(
        method="GET",
        path="/readyz",
        handler=health.get_readiness,
        answer=MessageAnswer,
        errors=("unavailable",),
        refusal=NotReadyAnswer,
    ),
    Operation(
        method="GET",
        path="/metrics",
        handler=metrics.get_metrics,
        answer="text/plain",
        errors=(*_DOOR, "permission_denied"),
    ),
    Operation(
        method="GET",
        path="/openapi.json",
        handler=pages.get_openapi,
        answer="application/json",
        errors=_DOOR,
    ),
    Operation(method="GET", path="/docs", handler=pages.get_docs, answer="text/html", errors=_DOOR),
)
