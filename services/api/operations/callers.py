"""Who asks, and in whose name."""

from typing import Annotated

from fastapi import Depends, Request

from eventjob.contracts.base import Access
from eventjob.domain.access import Caller, may_read, private_access
from eventjob.projection.read_model import BatchDocument, JobDocument
from services.api.access.authenticate import USER_HEADER, key_of
from services.api.context import Context, Here
from services.api.request.bodies import AccessBody, BatchBody
from services.api.request.field_rules import user_id
from services.api.response.errors import Problem, invalid


async def _caller(request: Request, here: Here) -> Caller:
    user = user_of(request)
    if here.options.door is None:
        return Caller(user, trusted=user is None and here.options.open_door)
    key = key_of(request.scope)
    if key is None:
        return Caller(None)
    if user in {None, key.user}:
        return Caller(key.user, trusted=key.administer)
    if not key.act_for_others:
        raise Problem(
            "permission_denied", f"this key may not act for others: {USER_HEADER} is another"
        )
    return Caller(user)  # who is acted for may no more than he may himself


def may_name_owner(request: Request, here: Context) -> bool:
    """Whether what the caller creates may be another's than his, as the body says."""
    if here.options.door is None:
        return here.options.open_door
    key = key_of(request.scope)
    return key is not None and key.act_for_others and USER_HEADER.lower() not in request.headers


Asking = Annotated[Caller, Depends(_caller)]


def user_of(request: Request) -> str | None:
    """The user whom the header names.

    Raises:
        Problem: the header is there, but names nobody, or comes twice.
    """
    sent = [value for name, value in request.headers.raw if name == USER_HEADER.lower().encode()]
    if not sent:
        return None
    if len(sent) > 1:
        raise invalid(USER_HEADER, "must be sent once")
    try:
        user = _text(sent[0])
        user_id(user)
    except ValueError as error:
        raise invalid(USER_HEADER, str(error)) from None
    return user


def owner_of(caller: Caller, named: str | None, *, open_door: bool) -> str | None:
    """Who owns what the caller creates; ``named`` is the body's ``user_id``.

    Raises:
        Problem: ``permission_denied``, where it is to be somebody else.
    """
    if named is not None and caller.user not in {None, named} and not open_door:
        raise Problem("permission_denied", f"user_id is another one than {USER_HEADER} says")
    return caller.user if named is None else named


def batch_owner_of(caller: Caller, body: BatchBody, *, open_door: bool) -> str | None:
    """Who owns a batch: its jobs may name him too, but nobody else.

    Raises:
        Problem: ``permission_denied`` as `owner_of`; ``validation_error`` for a second owner.
    """
    owner = owner_of(caller, body.user_id, open_door=open_door)
    for n, job in enumerate(body.jobs):
        if job.user_id in {None, owner}:
            continue
        named = owner_of(caller, job.user_id, open_door=open_door)
        if owner is not None:
            raise invalid(f"jobs[{n}].user_id", "all jobs of a batch have the batch's owner")
        owner = named
    return owner


def access_of(owner: str | None, body: AccessBody) -> Access:
    """The access of a new object: where the client is silent, private and the owner's."""
    usual = private_access(owner)
    return Access(
        visibility=body.visibility,
        read_access=_users(body.read_access, usual.read_access),
        write_access=_users(body.write_access, usual.write_access),
        admin_access=_users(body.admin_access, usual.admin_access),
    )


def check_may_read(caller: Caller, document: JobDocument | BatchDocument) -> None:
    """Nothing, where the caller may read the document.

    Raises:
        Problem: ``permission_denied``.
    """
    if not may_read(caller, document.owner, document.access):
        raise Problem("permission_denied", "you may not read this", is_hidden=True)


def _users(sent: list[str] | None, usual: tuple[str, ...]) -> tuple[str, ...]:
    return usual if sent is None else tuple(sent)


def _text(value: bytes) -> str:
    """UTF-8, or Latin-1: HTTP leaves open which, and clients send both."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
