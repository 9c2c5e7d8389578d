"""Jobs: submit, read, list, restart, delete."""

from functools import partial
from http import HTTPStatus
from time import perf_counter

from starlette.requests import Request
from starlette.responses import Response

from eventjob.contracts.commands import AddJob, DeleteJob, RestartJob, SubmitJob
from eventjob.contracts.paths import BASE_PATH
from eventjob.domain.access import Caller, may_read
from eventjob.domain.ids import batch_group, batch_ids, is_batch, parse_job_id
from eventjob.projection.read_model import JobDocument
from services.api.context import Context, ContextDep
from services.api.operations.callers import (
    CallerDep,
    build_access,
    check_may_read,
    may_name_owner,
    resolve_owner,
)
from services.api.operations.results import read_remaining_results, read_results
from services.api.operations.send_command import Outcome, check_space, execute, try_read
from services.api.operations.time_travel import job_as_of
from services.api.request.bodies import JobBody
from services.api.request.idempotency import IdempotencyKey, read_idempotency_key
from services.api.request.query_parameters import parse_as_of, parse_job_query
from services.api.request.read_body import read_json_body
from services.api.request.to_command import build_job_spec, read_use_cache_header, spread_use_cache
from services.api.request.validate import validate_body
from services.api.response.answers import json_response, tagged_response
from services.api.response.errors import invalid_field, not_found
from services.api.response.to_views import job_view, paging_view, preview_job
from services.api.response.views import JobAnswer, JobsAnswer, MessageAnswer, Performance

_CREATED = {False: "the job was created", True: "the job was there already"}  # by is_repeat
_LATER = "the job was accepted and will appear"


async def submit_job(request: Request, context: ContextDep, caller: CallerDep) -> Response:
    """Submit a job, alone or into an existing batch."""
    check_space(context)  # before the body is read
    build = partial(_read_job, request, caller)
    body, repeat = await read_json_body(request, context.options.max_body_bytes, build)
    owner = resolve_owner(caller, body.user_id, may_name_any=may_name_owner(request, context))
    if body.batch_id is None:
        return await _submit_alone(context, caller, body, owner, repeat)
    if body.job_id is not None:  # such an id is the batch and a number: it leads to one subject
        raise invalid_field("job_id", "must not be chosen for a job of a batch")
    return await _add_to_batch(context, caller, body, body.batch_id, repeat)


async def get_job(
    job_id: str, request: Request, context: ContextDep, caller: CallerDep
) -> Response:
    """Return a job with all its results, as it is now or as it was."""
    moment = parse_as_of(request)
    job = await load_readable_job(context, caller, job_id)
    if moment is None:
        view = job_view(job, await read_results(job, context.artifacts))
        return tagged_response(request, JobAnswer(job=view))
    then = await job_as_of(context.history, job, moment)
    view = job_view(then, await read_remaining_results(then, context.artifacts))
    return tagged_response(request, JobAnswer(job=view), f"{moment}")


async def list_jobs(request: Request, context: ContextDep, caller: CallerDep) -> Response:
    """List the jobs that the caller may read."""
    started_at = perf_counter()
    query = parse_job_query(request, caller)
    queried_at = perf_counter()
    page = await context.store.list_jobs(query)
    answered_at = perf_counter()
    jobs = [job_view(job) for job in page.documents]
    performance = Performance(
        db_query_time_ms=_milliseconds(answered_at - queried_at),
        total_time_ms=_milliseconds(perf_counter() - started_at),
    )
    total, cursor = paging_view(page, query)
    view = JobsAnswer(total=total, next=cursor, jobs=jobs, performance=performance)
    return json_response(view)


async def restart_job(job_id: str, context: ContextDep, caller: CallerDep) -> Response:
    """Restart a job."""
    check_space(context)
    outcome = await execute(context, caller, RestartJob(job_id=job_id), _group(job_id))
    job = await try_read(context.store.job(job_id)) if outcome.visible else None
    if job is None:
        view = JobAnswer(message="the job will be restarted")
        return json_response(view, HTTPStatus.ACCEPTED, _location(job_id))
    return json_response(JobAnswer(message="the job was restarted", job=job_view(job)))


async def delete_job(job_id: str, context: ContextDep, caller: CallerDep) -> Response:
    """Stop and delete a job."""
    outcome = await execute(context, caller, DeleteJob(job_id=job_id), _group(job_id))
    if outcome.visible:
        return json_response(MessageAnswer(message="the job was deleted"))
    view = MessageAnswer(message="the job will be deleted")
    return json_response(view, HTTPStatus.ACCEPTED, _location(job_id))


async def load_readable_job(context: Context, caller: Caller, job_id: str) -> JobDocument:
    """Load a job that the caller may read.

    Raises:
        Problem: ``not_found`` or ``permission_denied``.
    """
    key = parse_job_id(job_id)
    job = await context.store.job(job_id) if key else None
    if job is not None:
        check_may_read(caller, job)
        return job
    if key is not None and is_batch(key.group):
        for batch_id in batch_ids(key.group):
            batch = await context.store.batch(batch_id)
            if batch is not None:  # a stranger gets 403 for any job id of it
                check_may_read(caller, batch)
    raise not_found(f"job {job_id}", is_hidden=True)


def _read_job(request: Request, caller: Caller, raw: object) -> tuple[JobBody, IdempotencyKey]:
    repeat = read_idempotency_key(request, caller, raw)
    spread_use_cache(raw, header=read_use_cache_header(request))
    return validate_body(JobBody, raw), repeat


async def _submit_alone(
    context: Context, caller: Caller, body: JobBody, owner: str | None, repeat: IdempotencyKey
) -> Response:
    command = SubmitJob(
        job_id=body.job_id or f"job-{repeat.new_id()}",
        job=build_job_spec(body),
        owner=owner,
        access=build_access(owner, body.access_control),
        request_hash=repeat.request_hash,
    )
    group = _group(command.job_id)
    outcome = await execute(context, caller, command, group)
    preview = preview_job(command.job, group, 1, owner=owner, access=command.access)
    return await _respond_created(context, caller, preview, outcome)


async def _add_to_batch(
    context: Context, caller: Caller, body: JobBody, batch_id: str, repeat: IdempotencyKey
) -> Response:
    group = batch_group(batch_id)
    spec = build_job_spec(body)
    command = AddJob(batch_id=batch_id, job=spec, key=repeat.key, request_hash=repeat.request_hash)
    outcome = await execute(context, caller, command, group)
    batch = await try_read(context.store.batch(batch_id))
    if outcome.accepted is None or batch is None:
        headers = {"Location": f"{BASE_PATH}/batches/{batch_id}"}
        return json_response(JobAnswer(message=_LATER), HTTPStatus.ACCEPTED, headers)
    preview = preview_job(
        spec,
        group,
        outcome.accepted.number,
        owner=batch.owner,
        access=batch.access,
        batch_id=batch_id,
    )
    return await _respond_created(context, caller, preview, outcome)


async def _respond_created(
    context: Context, caller: Caller, preview: JobDocument, outcome: Outcome
) -> Response:
    job = await try_read(context.store.job(preview.job_id)) if outcome.visible else None
    if job is None:
        view = JobAnswer(message=_LATER, job=job_view(preview))
        return json_response(view, HTTPStatus.ACCEPTED, _location(preview.job_id))
    # A creator without read access sees only what was sent.
    readable = job if may_read(caller, job.owner, job.access) else preview
    message = _CREATED[outcome.is_repeat]
    view = JobAnswer(message=message, job=job_view(readable))
    return json_response(view, HTTPStatus.CREATED, _location(preview.job_id))


def _group(job_id: str) -> str:
    key = parse_job_id(job_id)
    if key is None:
        raise not_found(f"job {job_id}")
    return key.group


def _location(job_id: str) -> dict[str, str]:
    return {"Location": f"{BASE_PATH}/jobs/{job_id}"}


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
