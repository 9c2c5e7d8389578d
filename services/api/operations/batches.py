"""Batches: submit, read, list, pause, archive, delete, fail."""

from functools import partial
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from eventjob.contracts.commands import (
    DeleteBatch,
    FailBatches,
    SetBatchActive,
    SetBatchArchived,
    SubmitBatch,
)
from eventjob.contracts.paths import BASE_PATH
from eventjob.domain.access import Caller, may_read
from eventjob.domain.ids import batch_group, format_job_id, is_client_id
from eventjob.projection.read_model import BatchDocument
from services.api.context import Context, ContextDep
from services.api.operations.callers import (
    CallerDep,
    build_access,
    check_may_read,
    may_name_owner,
    resolve_batch_owner,
)
from services.api.operations.send_command import check_space, execute, fail_batches, try_read
from services.api.operations.time_travel import batch_as_of
from services.api.request.bodies import ActiveBody, ArchivedBody, BatchBody, FailAllBody
from services.api.request.idempotency import read_idempotency_key
from services.api.request.query_parameters import QueryParameters, parse_as_of, parse_batch_query
from services.api.request.read_body import read_json_body, read_optional_json_body
from services.api.request.to_command import (
    build_job_specs,
    encode_webhook,
    name_or_default,
    read_use_cache_header,
    spread_use_cache,
)
from services.api.request.validate import BodyT, validate_body
from services.api.response.answers import json_response, tagged_response
from services.api.response.errors import not_found
from services.api.response.to_views import batch_view, paging_view, preview_batch
from services.api.response.views import BatchAnswer, BatchesAnswer, MessageAnswer, UpdatedAnswer

_CREATED = {False: "the batch was created", True: "the batch was there already"}  # by is_repeat
_TOGGLED = {True: "resumed", False: "paused", None: "paused or resumed"}


async def submit_batch(request: Request, context: ContextDep, caller: CallerDep) -> Response:
    """Submit a batch with all its jobs."""
    check_space(context)  # before the body is read
    build = partial(_build_command, request, context, caller)
    command = await read_json_body(request, context.options.max_body_bytes, build)
    return await _submit(context, caller, command)


async def get_batch(
    batch_id: str, request: Request, context: ContextDep, caller: CallerDep
) -> Response:
    """Return a batch, as it is now or as it was."""
    moment = parse_as_of(request)
    batch = await load_readable_batch(context, caller, batch_id)
    if moment is None:
        return tagged_response(request, BatchAnswer(batch=batch_view(batch)))
    then = await batch_as_of(context.history, batch, moment)
    return tagged_response(request, BatchAnswer(batch=batch_view(then)), f"{moment}")


async def list_batches(request: Request, context: ContextDep, caller: CallerDep) -> Response:
    """List the batches that the caller may read."""
    query = parse_batch_query(request, caller)
    page = await context.store.list_batches(query)
    batches = [batch_view(batch) for batch in page.documents]
    total, cursor = paging_view(page, query)
    return json_response(BatchesAnswer(total=total, next=cursor, batches=batches))


async def delete_batch(batch_id: str, context: ContextDep, caller: CallerDep) -> Response:
    """Delete a batch and all its jobs."""
    group = _group(batch_id)
    outcome = await execute(context, caller, DeleteBatch(batch_id=batch_id), group)
    if outcome.visible:
        return json_response(MessageAnswer(message="the batch and its jobs were deleted"))
    view = MessageAnswer(message="the batch and its jobs will be deleted")
    return json_response(view, HTTPStatus.ACCEPTED, _location(batch_id))


async def archive_batch(
    batch_id: str, request: Request, context: ContextDep, caller: CallerDep
) -> Response:
    """Archive or unarchive a batch."""
    archived = (await _read_optional(ArchivedBody, request, context)).archived
    command = SetBatchArchived(batch_id=batch_id, archived=archived)
    done = "archived" if archived else "unarchived"
    return await _change(context, caller, command, done)


async def toggle_active(
    batch_id: str, request: Request, context: ContextDep, caller: CallerDep
) -> Response:
    """Pause or resume a batch."""
    body = await _read_optional(ActiveBody, request, context)
    active = body.is_active if body.active is None else body.active
    command = SetBatchActive(batch_id=batch_id, active=active)
    return await _change(context, caller, command, _TOGGLED[active])


async def fail_all(request: Request, context: ContextDep, caller: CallerDep) -> Response:
    """Fail all unfinished jobs of batches that the caller may change."""
    query = QueryParameters(request)
    dry_run = query.read_flag("dry_run")
    query.check()
    dry_run = (await _read_optional(FailAllBody, request, context)).dry_run or dry_run
    outcome = await fail_batches(context, caller, FailBatches(dry_run=dry_run))
    if outcome.accepted is None:
        view = UpdatedAnswer(message="unfinished jobs will be failed")
        return json_response(view, HTTPStatus.ACCEPTED, {"Location": f"{BASE_PATH}/batches"})
    updated = outcome.accepted.updated
    what = "would fail unfinished jobs" if dry_run else "failed unfinished jobs"
    view = UpdatedAnswer(message=f"{what} in {updated} batches", updated_count=updated)
    if outcome.visible or dry_run:
        return json_response(view)
    return json_response(view, HTTPStatus.ACCEPTED, {"Location": f"{BASE_PATH}/batches"})


async def load_readable_batch(context: Context, caller: Caller, batch_id: str) -> BatchDocument:
    """Load a batch that the caller may read.

    Raises:
        Problem: ``not_found`` or ``permission_denied``.
    """
    batch = await context.store.batch(batch_id) if is_client_id(batch_id) else None
    if batch is None:
        raise not_found(f"batch {batch_id}", is_hidden=True)
    check_may_read(caller, batch)
    return batch


async def _read_optional(kind: type[BodyT], request: Request, context: Context) -> BodyT:
    return await read_optional_json_body(
        request, context.options.max_body_bytes, partial(validate_body, kind)
    )


def _build_command(request: Request, context: Context, caller: Caller, raw: object) -> SubmitBatch:
    repeat = read_idempotency_key(request, caller, raw)
    spread_use_cache(raw, header=read_use_cache_header(request))
    body = validate_body(BatchBody, raw)
    owner = resolve_batch_owner(caller, body, may_name_any=may_name_owner(request, context))
    batch_id = body.batch_id or f"batch-{repeat.new_id()}"
    return SubmitBatch(
        batch_id=batch_id,
        batch_name=name_or_default(body.batch_name, batch_id),
        jobs=build_job_specs(body),
        owner=owner,
        access=build_access(owner, body.access_control),
        webhook=encode_webhook(body.webhook),
        request_hash=repeat.request_hash,
    )


async def _submit(context: Context, caller: Caller, command: SubmitBatch) -> Response:
    group = batch_group(command.batch_id)
    outcome = await execute(context, caller, command, group)
    batch = await try_read(context.store.batch(command.batch_id)) if outcome.visible else None
    # A creator without read access sees only what was sent.
    is_shown = batch is not None and may_read(caller, batch.owner, batch.access)
    view = BatchAnswer(
        message=_CREATED[outcome.is_repeat] if batch else "the batch was accepted and will appear",
        batch=batch_view(batch if batch and is_shown else preview_batch(command)),
        job_ids=[format_job_id(group, n) for n in range(1, len(command.jobs) + 1)],
    )
    status = HTTPStatus.ACCEPTED if batch is None else HTTPStatus.CREATED
    return json_response(view, status, _location(command.batch_id))


async def _change(
    context: Context, caller: Caller, command: SetBatchActive | SetBatchArchived, done: str
) -> Response:
    outcome = await execute(context, caller, command, _group(command.batch_id))
    batch = await try_read(context.store.batch(command.batch_id)) if outcome.visible else None
    if batch is None:
        view = BatchAnswer(message=f"the batch will be {done}")
        return json_response(view, HTTPStatus.ACCEPTED, _location(command.batch_id))
    if isinstance(command, SetBatchActive) and command.active is None:
        done = _TOGGLED[batch.active]  # known only now: the scheduler decided
    return json_response(BatchAnswer(message=f"the batch was {done}", batch=batch_view(batch)))


def _group(batch_id: str) -> str:
    if not is_client_id(batch_id):
        raise not_found(f"batch {batch_id}")
    return batch_group(batch_id)


def _location(batch_id: str) -> dict[str, str]:
    return {"Location": f"{BASE_PATH}/batches/{batch_id}"}
