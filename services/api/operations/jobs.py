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
from services.api.context import Context, Here
from services.api.operations.callers import (
    Asking,
    access_of,
    check_may_read,
    may_name_owner,
    owner_of,
)
from services.api.operations.results import results_left, results_of
from services.api.operations.send_command import Outcome, carry_out, check_space, unless_away
from services.api.operations.time_travel import job_then
from services.api.request.bodies import JobBody
from services.api.request.idempotency import IdempotencyKey, repeat_of
from services.api.request.query_parameters import as_of, job_query
from services.api.request.read_body import json_body
from services.api.request.to_command import job_spec, spread_use_cache, use_cache_header
from services.api.request.validate import read
from services.api.response.answers import answer, tagged_answer
from services.api.response.errors import invalid, not_found
from services.api.response.to_views import job_view, paging_view, submitted_job
from services.api.response.views import JobAnswer, JobsAnswer, MessageAnswer, Performance

_CREATED = {False: "the job was created", True: "the job was there already"}  # or a repeat
_LATER = "the job was accepted and will appear"


async def submit_job(request: Request, here: Here, caller: Asking) -> Response:
    """A new job, alone or in a batch that exists."""
    check_space(here)
    made = partial(_understood, request, caller)
    body, repeat = await json_body(request, here.options.max_body_bytes, made)
    owner = owner_of(caller, body.user_id, open_door=may_name_owner(request, here))
    if body.batch_id is None:
        return await _submit_alone(here, caller, body, owner, repeat)
    if body.job_id is not None:
        raise invalid("job_id", "must not be chosen for a job of a batch")
    return await _add_to_batch(here, caller, body, body.batch_id, repeat)


async def get_job(job_id: str, request: Request, here: Here, caller: Asking) -> Response:
    """One job with all its results, as it is or as it was."""
    moment = as_of(request)
    job = await readable_job(here, caller, job_id)
    if moment is None:
        view = job_view(job, await results_of(job, here.artifacts))
        return tagged_answer(request, JobAnswer(job=view))
    then = await job_then(here.history, job, moment)
    view = job_view(then, await results_left(then, here.artifacts))
    return tagged_answer(request, JobAnswer(job=view), f"{moment}")


async def list_jobs(request: Request, here: Here, caller: Asking) -> Response:
    """A page of the jobs that the caller may read."""
    began = perf_counter()
    query = job_query(request, caller)
    asked = perf_counter()
    page = await here.store.list_jobs(query)
    answered = perf_counter()
    jobs = [job_view(job) for job in page.documents]
    performance = Performance(
        db_query_time_ms=_milliseconds(answered - asked),
        total_time_ms=_milliseconds(perf_counter() - began),
    )
    total, following = paging_view(page, query)
    view = JobsAnswer(total=total, next=following, jobs=jobs, performance=performance)
    return answer(view)


async def restart_job(job_id: str, here: Here, caller: Asking) -> Response:
    """The job, starting anew."""
    check_space(here)
    outcome = await carry_out(here, caller, RestartJob(job_id=job_id), _group(job_id))
    job = await unless_away(here.store.job(job_id)) if outcome.visible else None
    if job is None:
        view = JobAnswer(message="the job will be restarted")
        return answer(view, HTTPStatus.ACCEPTED, _location(job_id))
    return answer(JobAnswer(message="the job was restarted", job=job_view(job)))


async def delete_job(job_id: str, here: Here, caller: Asking) -> Response:
    """The job is stopped and gone."""
    outcome = await carry_out(here, caller, DeleteJob(job_id=job_id), _group(job_id))
    if outcome.visible:
        return answer(MessageAnswer(message="the job was deleted"))
    view = MessageAnswer(message="the job will be deleted")
    return answer(view, HTTPStatus.ACCEPTED, _location(job_id))


async def readable_job(here: Context, caller: Caller, job_id: str) -> JobDocument:
    """The document of a job that the caller may read.

    Raises:
        Problem: ``not_found`` or ``permission_denied``.
    """
    key = parse_job_id(job_id)
    job = await here.store.job(job_id) if key else None
    if job is not None:
        check_may_read(caller, job)
        return job
    if key is not None and is_batch(key.group):
        for batch_id in batch_ids(key.group):
            batch = await here.store.batch(batch_id)
            if batch is not None:  # no stranger learns which jobs a batch has
                check_may_read(caller, batch)
    raise not_found(f"job {job_id}", is_hidden=True)


def _understood(request: Request, caller: Caller, raw: object) -> tuple[JobBody, IdempotencyKey]:
    repeat = repeat_of(request, caller, raw)
    spread_use_cache(raw, header=use_cache_header(request))
    return read(JobBody, raw), repeat


async def _submit_alone(
    here: Context, caller: Caller, body: JobBody, owner: str | None, repeat: IdempotencyKey
) -> Response:
    command = SubmitJob(
        job_id=body.job_id or f"job-{repeat.new_id()}",
        job=job_spec(body),
        owner=owner,
        access=access_of(owner, body.access_control),
        request_hash=repeat.request_hash,
    )
    group = _group(command.job_id)
    outcome = await carry_out(here, caller, command, group)
    sent = submitted_job(command.job, group, 1, owner=owner, access=command.access)
    return await _created(here, caller, sent, outcome)


async def _add_to_batch(
    here: Context, caller: Caller, body: JobBody, batch_id: str, repeat: IdempotencyKey
) -> Response:
    group = batch_group(batch_id)
    spec = job_spec(body)
    command = AddJob(batch_id=batch_id, job=spec, key=repeat.key, request_hash=repeat.request_hash)
    outcome = await carry_out(here, caller, command, group)
    batch = await unless_away(here.store.batch(batch_id))
    if outcome.accepted is None or batch is None:
        headers = {"Location": f"{BASE_PATH}/batches/{batch_id}"}
        return answer(JobAnswer(message=_LATER), HTTPStatus.ACCEPTED, headers)
    sent = submitted_job(
        spec,
        group,
        outcome.accepted.number,
        owner=batch.owner,
        access=batch.access,
        batch_id=batch_id,
    )
    return await _created(here, caller, sent, outcome)


async def _created(here: Context, caller: Caller, sent: JobDocument, outcome: Outcome) -> Response:
    """The job as it is by now, or as it was sent: that is also all a stranger gets to see."""
    job = await unless_away(here.store.job(sent.job_id)) if outcome.visible else None
    if job is None:
        view = JobAnswer(message=_LATER, job=job_view(sent))
        return answer(view, HTTPStatus.ACCEPTED, _location(sent.job_id))
    shown = job if may_read(caller, job.owner, job.access) else sent
    message = _CREATED[outcome.is_repeat]
    view = JobAnswer(message=message, job=job_view(shown))
    return answer(view, HTTPStatus.CREATED, _location(sent.job_id))


def _group(job_id: str) -> str:
    key = parse_job_id(job_id)
    if key is None:
        raise not_found(f"job {job_id}")
    return key.group


def _location(job_id: str) -> dict[str, str]:
    return {"Location": f"{BASE_PATH}/jobs/{job_id}"}


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
