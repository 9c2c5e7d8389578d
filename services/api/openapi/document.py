"""The OpenAPI document, made from the operations and from the very structs that are served."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec

from services.api.access.authenticate import USER_HEADER
from services.api.openapi.examples import EXAMPLES, error_example
from services.api.openapi.field_schemas import PARAMETERS, path_parameters, with_forms
from services.api.openapi.operation import Operation
from services.api.request.field_rules import RULES
from services.api.response.errors import STATUS
from services.api.response.views import BatchAnswer, ErrorAnswer, JobAnswer

REF = "#/components/schemas/{name}"
_HEADERS: dict[str, dict[str, Any]] = {
    "Location": {
        "description": "where it is",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "ETag": {"description": "of what was answered", "schema": {"type": "string"}},
    "Content-Range": {
        "description": "which part it is",
        "schema": {"type": "string", "pattern": "^bytes (?:[0-9]+-[0-9]+|\\*)/[0-9]+$"},
    },
    "Retry-After": {
        "description": "seconds after which to try again",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "that it is to be an API key",
        "schema": {"type": "string", "pattern": '^Bearer(?: error="invalid_token")?$'},
    },
    "RateLimit": {
        "description": "how many requests are left, and in how many seconds all are back",
        "schema": {"type": "string", "pattern": '^"[a-z]+";r=[0-9]+;t=[0-9]+$'},
    },
    "RateLimit-Policy": {
        "description": "how many requests there may be, and in how many seconds",
        "schema": {"type": "string", "pattern": '^"[a-z]+";q=[0-9]+;w=[0-9]+$'},
    },
}
_WITH_ERROR: dict[HTTPStatus, tuple[str, ...]] = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate",),
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: ("Content-Range",),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After", "RateLimit", "RateLimit-Policy"),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After",),
}
_KEY = "key"
_KEYS = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "ej_<id>_<secret>",
    "description": "an API key, where keys are in use",
}
_ABOUT = (
    "Conference sessions in, Markdown and ZIPs out. The X-User-ID header says who asks. Where API "
    "keys are in use, Authorization: Bearer says it, and X-User-ID counts only with a key that may "
    "act for others; without a key only what is public can be read. Fields "
    "that are null count as absent. Webhooks are kept and not delivered yet; target_language, "
    "source_language and unknown parameters are kept and not acted on. The parameters of a "
    "deleted job of a batch stay in the batch's log until the batch is deleted."
)


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The whole document, as plain objects."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = operation.path.replace(":path}", "}")
        described = _described(operation, links(operation, operations))
        paths.setdefault(path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "eventjob", "version": version("eventjob"), "description": _ABOUT},
        "paths": paths,
        "security": [{}, {_KEY: []}],
        "components": {"schemas": _schemas(operations), "securitySchemes": {_KEY: _KEYS}},
    }


def _schemas(operations: Sequence[Operation]) -> dict[str, Any]:
    kinds = {kind for operation in operations for kind in _kinds(operation)}
    _, schemas = msgspec.json.schema_components(
        sorted(kinds, key=lambda kind: kind.__name__), ref_template=REF
    )
    bodies = {operation.body for operation in operations if operation.body is not None}
    for kind in (*bodies, *RULES):
        schemas[kind.__name__] = with_forms(kind, schemas[kind.__name__])
    return schemas


def _described(operation: Operation, linked: dict[str, Any]) -> dict[str, Any]:
    doc = operation.handler.__doc__ or ""
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": doc.strip().partition("\n")[0].rstrip("."),
        "parameters": [
            *path_parameters(operation.path),
            *(PARAMETERS[name] for name in (*operation.query, *operation.headers)),
        ],
        "responses": dict(_responses(operation, linked)),
    }
    if not operation.is_behind_door:
        described["security"] = []
    if operation.body is not None:
        described["requestBody"] = {
            "required": not operation.is_body_optional,
            "content": {"application/json": _content(operation.body)},
        }
    return described


def _responses(
    operation: Operation, linked: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    content = _answer(operation)
    made = _headers("Location") if operation.status is HTTPStatus.CREATED else {}
    tagged = _headers("ETag") if "If-None-Match" in operation.headers else {}
    leads = {"links": linked} if linked else {}
    done = {"description": "done", "content": content, **made, **tagged, **leads}
    yield str(int(operation.status)), done
    if operation.later:
        text = "durable, and will appear under Location; not visible yet"
        yield "202", {"description": text, "content": content, **_headers("Location")}
    if "Range" in operation.headers:
        text = "the part that was asked for"
        headers = _headers("ETag", "Content-Range")
        yield "206", {"description": text, "content": content, **headers}
    if tagged:
        yield "304", {"description": "what If-None-Match names is still right", **tagged}
    for status in sorted({STATUS[code] for code in operation.errors}):
        yield str(int(status)), _error(operation, status)


def _answer(operation: Operation) -> dict[str, Any]:
    if isinstance(operation.answer, str):
        return {operation.answer: {"schema": {}}}
    return {"application/json": _content(operation.answer)}


def _error(operation: Operation, status: HTTPStatus) -> dict[str, Any]:
    codes = [code for code in operation.errors if STATUS[code] is status]
    content = _content(operation.refusal)
    if operation.refusal is ErrorAnswer:
        content["example"] = error_example(codes[0])
    headers = _headers(*_WITH_ERROR[status]) if status in _WITH_ERROR else {}
    return {
        "description": " or ".join(codes),
        "content": {"application/json": content},
        **headers,
    }


def _headers(*names: str) -> dict[str, Any]:
    return {"headers": {name: {"required": True, **_HEADERS[name]} for name in names}}


def _content(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        "schema": {"$ref": REF.format(name=kind.__name__)},
        "example": msgspec.to_builtins(EXAMPLES[kind]),
    }


def _kinds(operation: Operation) -> Iterator[type[msgspec.Struct]]:
    yield operation.refusal
    if not isinstance(operation.answer, str):
        yield operation.answer
    if operation.body is not None:
        yield operation.body


_MADE = {
    JobAnswer: ("job_id", "$response.body#/job/job_id"),
    BatchAnswer: ("batch_id", "$response.body#/batch/batch_id"),
}
_MARKDOWN = ("path", "$response.body#/job/results/markdown_file")


def links(operation: Operation, operations: Sequence[Operation]) -> dict[str, Any]:
    """The links of a good answer, by name; what is asked next is asked as the same user."""
    if operation.id == "get_job":
        name, found = _MARKDOWN
    elif operation.status is HTTPStatus.CREATED and not isinstance(operation.answer, str):
        name, found = _MADE[operation.answer]
    else:
        return {}
    return {
        other.id: {
            "operationId": other.id,
            "parameters": {name: found, f"header.{USER_HEADER}": f"$request.header.{USER_HEADER}"},
        }
        for other in operations
        if f"{{{name}}}" in other.path.replace(":path}", "}")
    }
