"""Resolve the caller of a request and the owner of a new object; check read access."""

from typing import Annotated

from fastapi import Depends, Request

from eventjob.contracts.base import Access
from eventjob.domain.access import Caller, may_read, private_access
from eventjob.projection.read_model import BatchDocument, JobDocument
from services.api.access.authenticate import USER_HEADER, request_key
from services.api.context import Context, ContextDep
from services.api.request.bodies import AccessBody, BatchBody
from services.api.request.field_rules import check_user_id
from services.api.response.errors import Problem, invalid_field


async def _resolve_caller(request: Request, context: ContextDep) -> Caller:
    user = read_user_header(request)
    if context.options.key_policy is None:
        return Caller(user, trusted=user is None and context.options.is_open)
    key = request_key(request.scope)
    if key is None:
        return Caller(None)  # may read what is public
    if user in {None, key.user}:
        return Caller(key.user, trusted=key.administer)
    if not key.act_for_others:
        raise Problem(
            "permission_denied",
            f"this key may not act for others: {USER_HEADER} names another user",
        )
    return Caller(user)  # the key's own rights do not pass to the user it acts for


def may_name_owner(request: Request, context: Context) -> bool:
    """True if the body may name an owner other than the caller."""
    if context.options.key_policy is None:
        return context.options.is_open
    key = request_key(request.scope)
    return key is not None and key.act_for_others and USER_HEADER.lower() not in request.headers


CallerDep = Annotated[Caller, Depends(_resolve_caller)]


def read_user_header(request: Request) -> str | None:
    """Return the user in the X-User-ID header, if there is one.

    Raises:
        Problem: the header is invalid or occurs twice.
    """
    # Raw bytes, since starlette decodes headers as Latin-1 only.
    values = [value for name, value in request.headers.raw if name == USER_HEADER.lower().encode()]
    if not values:
        return None
    if len(values) > 1:
        raise invalid_field(USER_HEADER, "must be sent once")
    try:
        user = _decode(values[0])
        check_user_id(user)
    except ValueError as error:
        raise invalid_field(USER_HEADER, str(error)) from None
    return user


def resolve_owner(caller: Caller, user_id: str | None, *, may_name_any: bool) -> str | None:
    """Return the owner of a new object; ``user_id`` is the body's.

    Raises:
        Problem: ``permission_denied`` if the body names another user than the caller.
    """
    if user_id is not None and caller.user not in {None, user_id} and not may_name_any:
        raise Problem("permission_denied", f"user_id names another user than {USER_HEADER}")
    return caller.user if user_id is None else user_id


def resolve_batch_owner(caller: Caller, body: BatchBody, *, may_name_any: bool) -> str | None:
    """Return the owner of a new batch, which its jobs may name as well.

    Raises:
        Problem: ``permission_denied`` as `resolve_owner`; ``validation_error`` for a second owner.
    """
    owner = resolve_owner(caller, body.user_id, may_name_any=may_name_any)
    for n, job in enumerate(body.jobs):
        if job.user_id in {None, owner}:
            continue
        job_owner = resolve_owner(caller, job.user_id, may_name_any=may_name_any)
        if owner is not None:
            raise invalid_field(f"jobs[{n}].user_id", "all jobs of a batch have the batch's owner")
        owner = job_owner
    return owner


def build_access(owner: str | None, body: AccessBody) -> Access:
    """Build the access of a new object. Default: private, the owner in each list."""
    default = private_access(owner)
    return Access(
        visibility=body.visibility,
        read_access=_users(body.read_access, default.read_access),
        write_access=_users(body.write_access, default.write_access),
        admin_access=_users(body.admin_access, default.admin_access),
    )


def check_may_read(caller: Caller, document: JobDocument | BatchDocument) -> None:
    """Raise ``permission_denied`` unless the caller may read the document."""
    if not may_read(caller, document.owner, document.access):
        raise Problem("permission_denied", "you may not read this", is_hidden=True)


def _users(users: list[str] | None, default: tuple[str, ...]) -> tuple[str, ...]:
    return default if users is None else tuple(users)


def _decode(value: bytes) -> str:
    try:
        return value.decode()  # HTTP names no charset; clients send UTF-8 and Latin-1
    except UnicodeDecodeError:
        return value.decode("latin-1")
