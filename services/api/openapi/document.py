"""Build the OpenAPI document from the operations and the structs that they send and receive."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec

from services.api.access.authenticate import USER_HEADER
from services.api.openapi.examples import EXAMPLES, error_example
from services.api.openapi.field_schemas import PARAMETERS, add_rules, path_parameters
from services.api.openapi.operation import Operation
from services.api.request.field_rules import RULES
from services.api.response.errors import STATUS
from services.api.response.views import BatchAnswer, ErrorAnswer, JobAnswer

REF = "#/components/schemas/{name}"
_HEADERS: dict[str, dict[str, Any]] = {
    "Location": {
        "description": "Address of the object",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "ETag": {"description": "Version of the response's content", "schema": {"type": "string"}},
    "Content-Range": {
        "description": "Byte range of the response, and the size of the file",
        "schema": {"type": "string", "pattern": "^bytes (?:[0-9]+-[0-9]+|\\*)/[0-9]+$"},
    },
    "Retry-After": {
        "description": "Seconds to wait before the next attempt",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "Scheme to authenticate with: an API key as a bearer token",
        "schema": {"type": "string", "pattern": '^Bearer(?: error="invalid_token")?$'},
    },
    "RateLimit": {
        "description": "Requests left (r), and seconds until all are available again (t)",
        "schema": {"type": "string", "pattern": '^"[a-z]+";r=[0-9]+;t=[0-9]+$'},
    },
    "RateLimit-Policy": {
        "description": "Requests allowed (q) within a window of seconds (w)",
        "schema": {"type": "string", "pattern": '^"[a-z]+";q=[0-9]+;w=[0-9]+$'},
    },
}
_WITH_ERROR: dict[HTTPStatus, tuple[str, ...]] = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate",),
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: ("Content-Range",),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After", "RateLimit", "RateLimit-Policy"),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After",),
}
_CREATED_IDS = {
    JobAnswer: ("job_id", "$response.body#/job/job_id"),
    BatchAnswer: ("batch_id", "$response.body#/batch/batch_id"),
}
_MARKDOWN = ("path", "$response.body#/job/results/markdown_file")
_KEY = "key"
_KEYS = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "ej_<id>_<secret>",
    "description": "API key. Required only if keys are in use.",
}
_ABOUT = (
    "Turns conference sessions into Markdown and ZIPs. The X-User-ID header names the caller. If "
    "API keys are in use, the key in Authorization: Bearer identifies the caller instead, and "
    "X-User-ID needs a key that may act for others. Requests without a key can then read public "
    "objects only. A field that is null counts as absent. Webhooks are stored but not delivered "
    "yet. source_language selects a video's subtitles; target_language and unknown parameters are "
    "stored and have no effect. The parameters of a deleted job stay in its batch's log until the "
    "batch is deleted."
)


def build_document(operations: Sequence[Operation]) -> dict[str, Any]:
    """Build the document as plain objects."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = operation.path.replace(":path}", "}")
        description = _describe(operation, build_links(operation, operations))
        paths.setdefault(path, {})[operation.method.lower()] = description
    return {
        "openapi": "3.1.0",
        "info": {"title": "eventjob", "version": version("eventjob"), "description": _ABOUT},
        "paths": paths,
        "security": [{}, {_KEY: []}],  # {}: optional, since keys may be off
        "components": {"schemas": _schemas(operations), "securitySchemes": {_KEY: _KEYS}},
    }


def build_links(operation: Operation, operations: Sequence[Operation]) -> dict[str, Any]:
    """Build the links of a successful response; each passes the same user on."""
    if operation.id == "get_job":
        name, expression = _MARKDOWN
    elif operation.status is HTTPStatus.CREATED and not isinstance(operation.response, str):
        name, expression = _CREATED_IDS[operation.response]
    else:
        return {}
    return {
        other.id: {
            "operationId": other.id,
            "parameters": {
                name: expression,
                f"header.{USER_HEADER}": f"$request.header.{USER_HEADER}",
            },
        }
        for other in operations
        if f"{{{name}}}" in other.path.replace(":path}", "}")
    }


def _schemas(operations: Sequence[Operation]) -> dict[str, Any]:
    kinds = {kind for operation in operations for kind in _struct_types(operation)}
    _, schemas = msgspec.json.schema_components(
        sorted(kinds, key=lambda kind: kind.__name__), ref_template=REF
    )
    bodies = {operation.body for operation in operations if operation.body is not None}
    for kind in (*bodies, *RULES):
        schemas[kind.__name__] = add_rules(kind, schemas[kind.__name__])
    return schemas


def _describe(operation: Operation, links: dict[str, Any]) -> dict[str, Any]:
    doc = operation.handler.__doc__ or ""
    description: dict[str, Any] = {
        "operationId": operation.id,
        "summary": doc.strip().partition("\n")[0].rstrip("."),
        "parameters": [
            *path_parameters(operation.path),
            *(PARAMETERS[name] for name in (*operation.query, *operation.headers)),
        ],
        "responses": dict(_responses(operation, links)),
    }
    if not operation.uses_keys:
        description["security"] = []
    if operation.body is not None:
        description["requestBody"] = {
            "required": not operation.is_body_optional,
            "content": {"application/json": _content(operation.body)},
        }
    return description


def _responses(operation: Operation, links: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    content = _success_content(operation)
    location = _headers("Location") if operation.status is HTTPStatus.CREATED else {}
    tag = _headers("ETag") if "If-None-Match" in operation.headers else {}
    linked = {"links": links} if links else {}
    success = {"description": "Success", "content": content, **location, **tag, **linked}
    yield str(int(operation.status)), success
    if operation.may_answer_202:
        text = "Accepted and stored. The effect becomes visible under Location soon."
        yield "202", {"description": text, "content": content, **_headers("Location")}
    if "Range" in operation.headers:
        text = "The requested byte range"
        headers = _headers("ETag", "Content-Range")
        yield "206", {"description": text, "content": content, **headers}
    if tag:
        yield "304", {"description": "Unchanged since the ETag in If-None-Match", **tag}
    for status in sorted({STATUS[code] for code in operation.errors}):
        yield str(int(status)), _error(operation, status)


def _success_content(operation: Operation) -> dict[str, Any]:
    if isinstance(operation.response, str):
        return {operation.response: {"schema": {}}}
    return {"application/json": _content(operation.response)}


def _error(operation: Operation, status: HTTPStatus) -> dict[str, Any]:
    codes = [code for code in operation.errors if STATUS[code] is status]
    content = _content(operation.error_view)
    if operation.error_view is ErrorAnswer:
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


def _struct_types(operation: Operation) -> Iterator[type[msgspec.Struct]]:
    yield operation.error_view
    if not isinstance(operation.response, str):
        yield operation.response
    if operation.body is not None:
        yield operation.body
