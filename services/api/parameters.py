"""Parameters of the operations, as the documentation describes them."""

import re
from typing import Any

from services.api.openapi.field_schemas import CHOSEN_ID, PLAIN, USER
from services.api.request.idempotency import LONGEST_KEY
from services.api.request.query import (
    LARGEST_LIMIT,
    LARGEST_SKIP,
    LONGEST_SEQUENCE,
    ORDERS,
    SORTS,
    STATUSES,
)

_TEXT = {"type": "string"}
_MOMENT = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 10**LONGEST_SEQUENCE - 1},
        {"type": "string", "format": "date-time"},
    ]
}
_CURSOR = (
    "the next of the page before, with the same filters, sort and order; empty for the first "
    "page. Without total, and any page costs the same; not together with skip"
)
_KEY = PLAIN | {"minLength": 1, "maxLength": LONGEST_KEY}
_FLAG = {"type": "string", "enum": ["true", "false", "1", "0"]}
_PATH = {
    "job_id": "the job's id",
    "batch_id": "the batch's id",
    "path": "as markdown_file and assets say: a job's id, and a path inside its ZIP",
}


def path_parameters(path: str) -> list[dict[str, Any]]:
    """Those that a path has in braces."""
    return [
        {"name": name, "in": "path", "required": True, "description": _PATH[name], "schema": _TEXT}
        for name in re.findall(r"{(\w+)", path)
    ]


def _query(name: str, description: str, **schema: object) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _header(name: str, description: str, **schema: object) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": schema or _TEXT}


PARAMETERS: dict[str, dict[str, Any]] = {
    parameter["name"]: parameter
    for parameter in (
        _query("status", "only these", type="string", enum=list(STATUSES)),
        _query("batch_id", "only jobs of this batch", **CHOSEN_ID),
        _query("archived", "only batches that are put away", type="boolean", default=False),
        _query("user_id", "only what this user owns", **USER),
        _query("sort", "by which time", type="string", enum=list(SORTS), default=SORTS[0]),
        _query("order", "newest or oldest first", type="string", enum=list(ORDERS), default="desc"),
        _query("limit", "how many", type="integer", minimum=0, maximum=LARGEST_LIMIT, default=100),
        _query("skip", "how many not", type="integer", minimum=0, maximum=LARGEST_SKIP, default=0),
        _query("cursor", _CURSOR, type="string", format="cursor"),
        _query("as_of", "as it was: after the event of this sequence, or at this time", **_MOMENT),
        _query("dry_run", "count without doing", type="boolean", default=False),
        _header("X-User-ID", "who asks; without it nobody in particular", **USER),
        _header("Idempotency-Key", "the same key and body give the same object again", **_KEY),
        _header("X-Use-Cache", "use_cache, where neither body nor parameters say", **_FLAG),
        _header("If-None-Match", "the ETag of what the client has"),
        _header("Range", "one range of bytes"),
        _header("If-Range", "the ETag of what the client has a part of"),
    )
}
