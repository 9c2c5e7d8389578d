"""All operations of the API, in the order in which they are matched."""

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

_KEYS = ("unauthenticated", "rate_limited")  # if API keys are in use
_ANY = (*_KEYS, "validation_error", "permission_denied", "internal", "unavailable")
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
        response=JobAnswer,
        status=HTTPStatus.CREATED,
        may_answer_202=True,
        headers=_CREATING,
        errors=_NEW,
    ),
    Operation(
        method="GET",
        path=_JOBS,
        handler=jobs.list_jobs,
        response=JobsAnswer,
        query=("status", "batch_id", *_PAGING),
        headers=_USER,
        errors=_ANY,
    ),
    Operation(
        method="GET",
        path=_JOB,
        handler=jobs.get_job,
        response=JobAnswer,
        query=("as_of",),
        headers=_TAGGED,
        errors=_PAST,
    ),
    Operation(
        method="DELETE",
        path=_JOB,
        handler=jobs.delete_job,
        response=MessageAnswer,
        may_answer_202=True,
        headers=_USER,
        errors=_ONE,
    ),
    Operation(
        method="GET",
        path=f"{_JOB}/download-archive",
        handler=files.download_archive,
        response="application/zip",
        headers=_RANGED,
        errors=(*_ONE, "range_not_satisfiable"),
    ),
    Operation(
        method="GET",
        path=f"{_JOB}/history",
        handler=history.get_job_history,
        response=HistoryAnswer,
        headers=_USER,
        errors=_PAST,
    ),
    *(
        Operation(
            method="POST",
            path=path,
            handler=jobs.restart_job,
            response=JobAnswer,
            may_answer_202=True,
            headers=_USER,
            errors=(*_ONE, "storage_full"),
        )
        for path in (f"{_JOB}/restart", f"{BASE_PATH}/{{job_id}}/restart")  # an older alias
    ),
    Operation(
        method="POST",
        path=_BATCHES,
        handler=batches.submit_batch,
        body=BatchBody,
        response=BatchAnswer,
        status=HTTPStatus.CREATED,
        may_answer_202=True,
        headers=_CREATING,
        errors=_NEW,
    ),
    Operation(
        method="GET",
        path=_BATCHES,
        handler=batches.list_batches,
        response=BatchesAnswer,
        query=("status", "archived", *_PAGING),
        headers=_USER,
        errors=_ANY,
    ),
    Operation(
        method="POST",
        path=f"{_BATCHES}/fail-all",  # before the paths with an id
        handler=batches.fail_all,
        body=FailAllBody,
        is_body_optional=True,
        response=UpdatedAnswer,
        may_answer_202=True,
        query=("dry_run",),
        headers=_USER,
        errors=_SENT,
    ),
    Operation(
        method="GET",
        path=_BATCH,
        handler=batches.get_batch,
        response=BatchAnswer,
        query=("as_of",),
        headers=_TAGGED,
        errors=_PAST,
    ),
    Operation(
        method="DELETE",
        path=_BATCH,
        handler=batches.delete_batch,
        response=MessageAnswer,
        may_answer_202=True,
        headers=_USER,
        errors=_ONE,
    ),
    Operation(
        method="POST",
        path=f"{_BATCH}/archive",
        handler=batches.archive_batch,
        body=ArchivedBody,
        is_body_optional=True,
        response=BatchAnswer,
        may_answer_202=True,
        headers=_USER,
        errors=(*_SENT, "not_found"),
    ),
    Operation(
        method="POST",
        path=f"{_BATCH}/toggle-active",
        handler=batches.toggle_active,
        body=ActiveBody,
        is_body_optional=True,
        response=BatchAnswer,
        may_answer_202=True,
        headers=_USER,
        errors=(*_SENT, "not_found"),
    ),
    Operation(
        method="GET",
        path=f"{_BATCH}/download-archive",
        handler=files.download_batch_archive,
        response="application/zip",
        headers=_RANGED,
        errors=(*_ONE, "conflict", "storage_full", "range_not_satisfiable"),
    ),
    Operation(
        method="GET",
        path=f"{_BATCH}/history",
        handler=history.get_batch_history,
        response=HistoryAnswer,
        headers=_USER,
        errors=_PAST,
    ),
    Operation(
        method="GET",
        path=f"{BASE_PATH}/files/{{path:path}}",
        handler=files.get_file,
        response="*/*",
        headers=_RANGED,
        errors=(*_ONE, "range_not_satisfiable"),
    ),
    Operation(method="GET", path="/healthz", handler=health.get_health, response=MessageAnswer),
    Operation(
        method="GET",
        path="/readyz",
        handler=health.get_readiness,
        response=MessageAnswer,
        errors=("unavailable",),
        error_view=NotReadyAnswer,
    ),
    Operation(
        method="GET",
        path="/metrics",
        handler=metrics.get_metrics,
        response="text/plain",
        errors=(*_KEYS, "permission_denied"),
    ),
    Operation(
        method="GET",
        path="/openapi.json",
        handler=pages.get_openapi,
        response="application/json",
        errors=_KEYS,
    ),
    Operation(
        method="GET", path="/docs", handler=pages.get_docs, response="text/html", errors=_KEYS
    ),
)
