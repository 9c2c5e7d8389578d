"""Idempotency-Key: the same caller, key and body always create the same object."""

from hashlib import sha256
from uuid import UUID, uuid4, uuid5

import msgspec
from starlette.requests import Request

from eventjob.domain.access import Caller
from services.api.request.field_rules import check_one_line
from services.api.response.errors import invalid_field

HEADER = "Idempotency-Key"
LONGEST_KEY = 255
_NAMESPACE = UUID("6f6f1c6c-3a65-4a55-9f5e-6a0d4f6b2a11")  # must stay: ids derive from it


class IdempotencyKey(msgspec.Struct, frozen=True):
    """Identity of a request that may be repeated."""

    key: str | None = None
    request_hash: str | None = None  # stored with the object: another body with the key is an error

    def new_id(self) -> str:
        """Return the id of the new object: with a key, always the same."""
        return self.key or str(uuid4())


def read_idempotency_key(request: Request, caller: Caller, body: object) -> IdempotencyKey:
    """Read the header; raise ``validation_error`` if it is invalid."""
    values = request.headers.getlist(HEADER)
    if not values:
        return IdempotencyKey()
    if len(values) > 1 or not 1 <= len(values[0]) <= LONGEST_KEY:
        raise invalid_field(HEADER, f"must be sent once, with 1 to {LONGEST_KEY} characters")
    try:
        check_one_line(values[0])
    except ValueError as error:
        raise invalid_field(HEADER, str(error)) from None
    # Two callers may use the same key, and a client may order fields differently.
    key = str(uuid5(_NAMESPACE, f"{caller.user or ''}\n{values[0]}"))
    content = msgspec.json.encode(body, order="sorted")
    return IdempotencyKey(key, f"{key}.{sha256(content).hexdigest()}")
