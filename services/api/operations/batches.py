"""Batches: submit, read, list, pause, put away, delete, fail."""

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
from services.api.context import Context, Here
from services.api.operations.callers import (
    Asking,
    access_of,
    batch_owner_of,
    check_may_read,
    may_name_owner,
)
from services.api.operations.send_command import carry_out, check_space, fail_batches, unless_away
from services.api.operations.time_travel import batch_then
from services.api.request.bodies import ActiveBody, ArchivedBody, BatchBody, FailAllBody
from services.api.request.idempotency import repeat_of
from services.api.request.query_parameters import QueryParameters, as_of, batch_query
from services.api.request.read_body import json_body, optional_json_body
from services.api.request.to_command import (
    job_specs,
    named,
    spread_use_cache,
    use_cache_header,
    webhook_of,
)
from services.api.request.validate import BodyT, read
from services.api.response.answers import answer, tagged_answer
from services.api.response.errors import not_found
from services.api.response.to_views import batch_view, paging_view, submitted_batch
from services.api.response.views import BatchAnswer, BatchesAnswer, MessageAnswer, UpdatedAnswer

_CREATED = {False: "the batch was created", True: "the batch was there already"}  # or a repeat
_TOGGLED = {True: "resumed", False: "paused", None: "paused or resumed"}


async def submit_batch(request: Request, here: Here, caller: Asking) -> Response:
    """A new batch with all its jobs, or none of it."""
    check_space(here)
    made = partial(_command, request, here, caller)
    command = await json_body(request, here.options.max_body_bytes, made)
    return await _create(here, caller, command)


async def get_batch(batch_id: str, request: Request, here: Here, caller: Asking) -> Response:
    """One batch, as it is or as it was."""
    moment = as_of(request)
    batch = await readable_batch(here, caller, batch_id)
    if moment is None:
        return tagged_answer(request, BatchAnswer(batch=batch_view(batch)))
    then = await batch_then(here.history, batch, moment)
    return tagged_answer(request, BatchAnswer(batch=batch_view(then)), f"{moment}")


async def list_batches(request: Request, here: Here, caller: Asking) -> Response:
    """A page of the batches that the caller may read."""
    query = batch_query(request, caller)
    page = await here.store.list_batches(query)
    batches = [batch_view(batch) for batch in page.documents]
    total, following = paging_view(page, query)
    return answer(BatchesAnswer(total=total, next=following, batches=batches))


async def delete_batch(batch_id: str, here: Here, caller: Asking) -> Response:
    """The batch is gone with all its jobs."""
    group = _group(batch_id)
    outcome = await carry_out(here, caller, DeleteBatch(batch_id=batch_id), group)
    if outcome.visible:
        return answer(MessageAnswer(message="the batch and its jobs were deleted"))
    view = MessageAnswer(message="the batch and its jobs will be deleted")
    return answer(view, HTTPStatus.ACCEPTED, _location(batch_id))


async def archive_batch(batch_id: str, request: Request, here: Here, caller: Asking) -> Response:
    """The batch, put away or taken back."""
    archived = (await _optional(ArchivedBody, request, here)).archived
    command = SetBatchArchived(batch_id=batch_id, archived=archived)
    done = "archived" if archived else "taken back from the archive"
    return await _change(here, caller, command, done)


async def toggle_active(batch_id: str, request: Request, here: Here, caller: Asking) -> Response:
    """The batch, paused or resumed."""
    body = await _optional(ActiveBody, request, here)
    active = body.is_active if body.active is None else body.active
    command = SetBatchActive(batch_id=batch_id, active=active)
    return await _change(here, caller, command, _TOGGLED[active])


async def fail_all(request: Request, here: Here, caller: Asking) -> Response:
    """How many batches had unfinished jobs, which are failed now."""
    query = QueryParameters(request)
    dry_run = query.flag("dry_run")
    query.check()
    dry_run = (await _optional(FailAllBody, request, here)).dry_run or dry_run
    outcome = await fail_batches(here, caller, FailBatches(dry_run=dry_run))
    if outcome.accepted is None:
        view = UpdatedAnswer(message="unfinished jobs will be failed")
        return answer(view, HTTPStatus.ACCEPTED, {"Location": f"{BASE_PATH}/batches"})
    updated = outcome.accepted.updated
    what = "would fail unfinished jobs" if dry_run else "failed unfinished jobs"
    view = UpdatedAnswer(message=f"{what} in {updated} batches", updated_count=updated)
    if outcome.visible or dry_run:
        return answer(view)
    return answer(view, HTTPStatus.ACCEPTED, {"Location": f"{BASE_PATH}/batches"})


async def readable_batch(here: Context, caller: Caller, batch_id: str) -> BatchDocument:
    """The document of a batch that the caller may read.

    Raises:
        Problem: ``not_found`` or ``permission_denied``.
    """
    batch = await here.store.batch(batch_id) if is_client_id(batch_id) else None
    if batch is None:
        raise not_found(f"batch {batch_id}", is_hidden=True)
    check_may_read(caller, batch)
    return batch


async def _optional(kind: type[BodyT], request: Request, here: Context) -> BodyT:
    return await optional_json_body(request, here.options.max_body_bytes, partial(read, kind))


def _command(request: Request, here: Context, caller: Caller, raw: object) -> SubmitBatch:
    repeat = repeat_of(request, caller, raw)
    spread_use_cache(raw, header=use_cache_header(request))
    body = read(BatchBody, raw)
    owner = batch_owner_of(caller, body, open_door=may_name_owner(request, here))
    batch_id = body.batch_id or f"batch-{repeat.new_id()}"
    return SubmitBatch(
        batch_id=batch_id,
        batch_name=named(body.batch_name, batch_id),
        jobs=job_specs(body),
        owner=owner,
        access=access_of(owner, body.access_control),
        webhook=webhook_of(body.webhook),
        request_hash=repeat.request_hash,
    )


async def _create(here: Context, caller: Caller, command: SubmitBatch) -> Response:
    group = batch_group(command.batch_id)
    outcome = await carry_out(here, caller, command, group)
    batch = await unless_away(here.store.batch(command.batch_id)) if outcome.visible else None
    is_shown = batch is not None and may_read(caller, batch.owner, batch.access)
    view = BatchAnswer(
        message=_CREATED[outcome.is_repeat] if batch else "the batch was accepted and will appear",
        batch=batch_view(batch if batch and is_shown else submitted_batch(command)),
        job_ids=[format_job_id(group, n) for n in range(1, len(command.jobs) + 1)],
    )
    status = HTTPStatus.ACCEPTED if batch is None else HTTPStatus.CREATED
    return answer(view, status, _location(command.batch_id))


async def _change(
    here: Context, caller: Caller, command: SetBatchActive | SetBatchArchived, done: str
) -> Response:
    outcome = await carry_out(here, caller, command, _group(command.batch_id))
    batch = await unless_away(here.store.batch(command.batch_id)) if outcome.visible else None
    if batch is None:
        view = BatchAnswer(message=f"the batch will be {done}")
        return answer(view, HTTPStatus.ACCEPTED, _location(command.batch_id))
    if isinstance(command, SetBatchActive) and command.active is None:
        done = _TOGGLED[batch.active]
    return answer(BatchAnswer(message=f"the batch was {done}", batch=batch_view(batch)))


def _group(batch_id: str) -> str:
    if not is_client_id(batch_id):
        raise not_found(f"batch {batch_id}")
    return batch_group(batch_id)


def _location(batch_id: str) -> dict[str, str]:
    return {"Location": f"{BASE_PATH}/batches/{batch_id}"}
