"""Idempotency-Key: the same caller, key and body mean the same object."""

from hashlib import sha256
from uuid import UUID, uuid4, uuid5

import msgspec
from starlette.requests import Request

from eventjob.domain.access import Caller
from services.api.request.field_rules import plain
from services.api.response.errors import invalid

HEADER = "Idempotency-Key"
LONGEST_KEY = 255
_NAMESPACE = UUID("6f6f1c6c-3a65-4a55-9f5e-6a0d4f6b2a11")


class IdempotencyKey(msgspec.Struct, frozen=True):
    """How a repeated request is recognised; both are None without a key."""

    key: str | None = None
    request_hash: str | None = None

    def new_id(self) -> str:
        """The uuid of what the request creates: with a key, always the same."""
        return self.key or str(uuid4())


def repeat_of(request: Request, caller: Caller, body: object) -> IdempotencyKey:
    """The request's key, made the caller's own; and with it, a hash of the decoded body.

    Raises:
        Problem: ``validation_error``, for a key of the wrong form.
    """
    sent = request.headers.getlist(HEADER)
    if not sent:
        return IdempotencyKey()
    if len(sent) > 1 or not 1 <= len(sent[0]) <= LONGEST_KEY:
        raise invalid(HEADER, f"must be sent once, with 1 to {LONGEST_KEY} characters")
    try:
        plain(sent[0])
    except ValueError as error:
        raise invalid(HEADER, str(error)) from None
    key = str(uuid5(_NAMESPACE, f"{caller.user or ''}\n{sent[0]}"))
    content = msgspec.json.encode(body, order="sorted")
    return IdempotencyKey(key, f"{key}.{sha256(content).hexdigest()}")
