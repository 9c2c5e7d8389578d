"""JSON Schema of body fields and parameters, as exact as the rules that check them.

Three rules are beyond JSON Schema. Parameters are at most 16 KB, nesting is at most 32 levels
deep, and all jobs of a batch have one owner.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from eventjob.domain.access import EVERYONE
from eventjob.domain.urls import MAX_URL_LENGTH
from services.api.request import field_rules
from services.api.request.bodies import JobBody
from services.api.request.field_rules import RULES, Rule
from services.api.request.idempotency import LONGEST_KEY
from services.api.request.query_parameters import (
    LARGEST_LIMIT,
    LARGEST_SKIP,
    LONGEST_SEQUENCE,
    ORDERS,
    SORTS,
    STATUSES,
)

Schema = dict[str, Any]

# For use inside [^…]. Written out, since \s differs between engines of regular expressions.
_CONTROL = r"\x00-\x1f\x7f-\x9f"
_BLANK = r"\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_LABEL = rf"[^\x00-,./:-@\[-^`{{-\x9f{_BLANK}]{{1,63}}"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\])"
_REST = rf"(?:[/?#][^ \\{_CONTROL}{_BLANK}]*)?"

ONE_LINE: Schema = {"type": "string", "pattern": rf"^[^{_CONTROL}]*$"}
NOT_BLANK: Schema = {
    "type": "string",
    "pattern": rf"^[^{_CONTROL}]*[^ {_CONTROL}{_BLANK}][^{_CONTROL}]*$",
}
CHOSEN_ID: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,128}$"}
USER: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": field_rules.LONGEST_USER_ID,
    "pattern": rf"^(?:[^{EVERYONE}{_CONTROL}]|[^{_CONTROL}]{{2,}})$",
}
URL: Schema = {
    "type": "string",
    "format": "iri",
    "maxLength": MAX_URL_LENGTH,
    "pattern": rf"^[Hh][Tt][Tt][Pp][Ss]?://{_HOST}(?::[0-9]{{0,5}})?{_REST}$",
}
SCHEMAS: dict[Rule, Schema] = {
    field_rules.check_one_line: ONE_LINE,
    field_rules.check_not_blank: NOT_BLANK,
    field_rules.check_title: ONE_LINE | {"maxLength": field_rules.LONGEST_NAME},
    field_rules.check_type: ONE_LINE | {"maxLength": field_rules.LONGEST_TYPE},
    field_rules.check_clock: {"type": "string", "pattern": "^(?:[01][0-9]|2[0-3]):[0-5][0-9]$"},
    field_rules.check_web_url: URL,
    field_rules.check_names: {"type": "array", "items": NOT_BLANK},
    field_rules.check_id: CHOSEN_ID,
    field_rules.check_user_id: USER,
    field_rules.check_users: {"type": "array", "maxItems": field_rules.MAX_USERS, "items": USER},
    field_rules.check_webhook: {"type": "object", "required": ["url"], "properties": {"url": URL}},
}
# A job that joins a batch gets its id from the batch.
_EXTRA_RULES: dict[type[msgspec.Struct], Schema] = {
    JobBody: {
        "not": {
            "required": ["job_id", "batch_id"],
            "properties": {"job_id": {"type": "string"}, "batch_id": {"type": "string"}},
        }
    }
}


def add_rules(kind: type[msgspec.Struct], schema: Schema) -> Schema:
    """Add the field rules to the schema of a body or an inner struct."""
    fields = RULES.get(kind, {})
    properties = {
        field.encode_name: _field_schema(
            schema["properties"][field.encode_name],
            fields.get(field.name),
            is_optional=not field.required,  # these may be null, which counts as absent
        )
        for field in msgspec.structs.fields(kind)
    }
    return {**schema, "properties": properties, **_EXTRA_RULES.get(kind, {})}


def _field_schema(generated: Schema, rule: Rule | None, *, is_optional: bool) -> Schema:
    default = {"default": generated["default"]} if "default" in generated else {}
    bare = {name: value for name, value in generated.items() if name != "default"}
    choices = [choice for choice in bare.get("anyOf", [bare]) if choice != {"type": "null"}]
    schema = SCHEMAS.get(rule) if rule else None
    if schema is None:
        schema = choices[0] | (
            {"maxItems": field_rules.MAX_JOBS} if rule is field_rules.check_job_count else {}
        )
    optional = {"anyOf": [schema, {"type": "null"}], **default}
    return optional if is_optional else {**schema, **default}


_TEXT = {"type": "string"}
_MOMENT = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 10**LONGEST_SEQUENCE - 1},
        {"type": "string", "format": "date-time"},
    ]
}
_CURSOR = (
    "Value of next in the previous page, requested with the same filters, sort and order. Empty "
    "for the first page. The response has no total. Cannot be combined with skip."
)
_KEY = ONE_LINE | {"minLength": 1, "maxLength": LONGEST_KEY}
_BOOLEAN = {"type": "boolean", "default": False}
_FLAG = {"type": "string", "enum": ["true", "false", "1", "0"]}
_PATH = {
    "job_id": "Id of the job",
    "batch_id": "Id of the batch",
    "path": "Job id and path inside its ZIP, as in markdown_file and assets",
}


def path_parameters(path: str) -> list[dict[str, Any]]:
    """Describe the parameters that a path has in braces."""
    return [
        {"name": name, "in": "path", "required": True, "description": _PATH[name], "schema": _TEXT}
        for name in re.findall(r"{(\w+)", path)
    ]


def _query(name: str, description: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _header(name: str, description: str, schema: Schema = _TEXT) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": schema}


def _one_of(words: Sequence[str], **default: str) -> Schema:
    return {"type": "string", "enum": list(words), **default}


def _number(maximum: int, default: int) -> Schema:
    return {"type": "integer", "minimum": 0, "maximum": maximum, "default": default}


PARAMETERS: dict[str, dict[str, Any]] = {
    parameter["name"]: parameter
    for parameter in (
        _query("status", "Return only objects with this status", _one_of(STATUSES)),
        _query("batch_id", "Return only jobs of this batch", CHOSEN_ID),
        _query("archived", "true: return only archived batches; false: only others", _BOOLEAN),
        _query("user_id", "Return only objects that this user owns", USER),
        _query("sort", "Time to sort by", _one_of(SORTS, default=SORTS[0])),
        _query("order", "desc: newest first; asc: oldest first", _one_of(ORDERS, default="desc")),
        _query("limit", "Maximum number of items to return", _number(LARGEST_LIMIT, 100)),
        _query("skip", "Number of items to skip", _number(LARGEST_SKIP, 0)),
        _query("cursor", _CURSOR, {"type": "string", "format": "cursor"}),
        _query(
            "as_of", "Return the state after the event with this sequence, or at this time", _MOMENT
        ),
        _query("dry_run", "Count the batches; change nothing", _BOOLEAN),
        _header("X-User-ID", "User who makes the request; anonymous if absent", USER),
        _header("Idempotency-Key", "A repeat with the same body returns the same object", _KEY),
        _header("X-Use-Cache", "Default of use_cache, if body and parameters have none", _FLAG),
        _header("If-None-Match", "ETag of the client's copy; 304 if it is current"),
        _header("Range", "One byte range, such as bytes=0-1023"),
        _header("If-Range", "ETag of the client's partial copy; the whole file if it changed"),
    )
}
