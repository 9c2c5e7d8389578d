"""What the rules of single fields are in JSON Schema, so that the documentation is exact.

What JSON Schema cannot say is left to the descriptions: that parameters have 16 KB at most, that
nothing is nested deeper than 32 levels, that all jobs of a batch have one owner.
"""

import re
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

Form = dict[str, Any]

# inside [^…]; written out, since what \s means differs between engines of regular expressions
_CONTROL = r"\x00-\x1f\x7f-\x9f"
_BLANK = r"\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_LABEL = rf"[^\x00-,./:-@\[-^`{{-\x9f{_BLANK}]{{1,63}}"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\])"
_REST = rf"(?:[/?#][^ \\{_CONTROL}{_BLANK}]*)?"

PLAIN: Form = {"type": "string", "pattern": rf"^[^{_CONTROL}]*$"}
FILLED: Form = {
    "type": "string",
    "pattern": rf"^[^{_CONTROL}]*[^ {_CONTROL}{_BLANK}][^{_CONTROL}]*$",
}
CHOSEN_ID: Form = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,128}$"}
USER: Form = {
    "type": "string",
    "minLength": 1,
    "maxLength": field_rules.LONGEST_USER_ID,
    "pattern": rf"^(?:[^{EVERYONE}{_CONTROL}]|[^{_CONTROL}]{{2,}})$",
}
URL: Form = {
    "type": "string",
    "format": "iri",
    "maxLength": MAX_URL_LENGTH,
    "pattern": rf"^[Hh][Tt][Tt][Pp][Ss]?://{_HOST}(?::[0-9]{{0,5}})?{_REST}$",
}
FORMS: dict[Rule, Form] = {
    field_rules.plain: PLAIN,
    field_rules.filled: FILLED,
    field_rules.title: PLAIN | {"maxLength": field_rules.LONGEST_NAME},
    field_rules.kind: PLAIN | {"maxLength": field_rules.LONGEST_TYPE},
    field_rules.clock: {"type": "string", "pattern": "^(?:[01][0-9]|2[0-3]):[0-5][0-9]$"},
    field_rules.url: URL,
    field_rules.names: {"type": "array", "items": FILLED},
    field_rules.chosen_id: CHOSEN_ID,
    field_rules.user_id: USER,
    field_rules.users: {"type": "array", "maxItems": field_rules.MOST_USERS, "items": USER},
    field_rules.webhook: {"type": "object", "required": ["url"], "properties": {"url": URL}},
}
_MORE: dict[type[msgspec.Struct], Form] = {
    JobBody: {
        "not": {
            "required": ["job_id", "batch_id"],
            "properties": {"job_id": {"type": "string"}, "batch_id": {"type": "string"}},
        }
    }
}


def with_forms(kind: type[msgspec.Struct], schema: Form) -> Form:
    """The schema of a body, or of what is inside one, with what its rules demand.

    Every field but the required ones may be null, which counts as absent.
    """
    fields = RULES.get(kind, {})
    properties = {
        field.encode_name: _form(
            schema["properties"][field.encode_name],
            fields.get(field.name),
            is_optional=not field.required,
        )
        for field in msgspec.structs.fields(kind)
    }
    return {**schema, "properties": properties, **_MORE.get(kind, {})}


def _form(known: Form, rule: Rule | None, *, is_optional: bool) -> Form:
    default = {"default": known["default"]} if "default" in known else {}
    bare = {name: value for name, value in known.items() if name != "default"}
    choices = [choice for choice in bare.get("anyOf", [bare]) if choice != {"type": "null"}]
    form = FORMS.get(rule) if rule else None
    if form is None:
        form = choices[0] | (
            {"maxItems": field_rules.MOST_JOBS} if rule is field_rules.jobs else {}
        )
    return {"anyOf": [form, {"type": "null"}], **default} if is_optional else {**form, **default}


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
