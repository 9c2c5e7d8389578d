"""The OpenAPI document, made from the operations and from the very structs that are served."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec

from services.api.errors import STATUS
from services.api.examples import EXAMPLES, error_example
from services.api.operations import Operation
from services.api.parameters import PARAMETERS, path_parameters
from services.api.views import ErrorAnswer

REF = "#/components/schemas/{name}"
_ABOUT = (
    "Conference sessions in, Markdown and ZIPs out. The X-User-ID header says who asks. Fields "
    "that are null count as absent. Webhooks are kept and not delivered yet; target_language, "
    "source_language and unknown parameters are kept and not acted on. The parameters of a "
    "deleted job of a batch stay in the batch's log until the batch is deleted."
)


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The whole document, as plain objects."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = operation.path.replace(":path}", "}")
        paths.setdefault(path, {})[operation.method.lower()] = _described(operation)
    kinds = {kind for operation in operations for kind in _kinds(operation)} | {ErrorAnswer}
    _, schemas = msgspec.json.schema_components(
        sorted(kinds, key=lambda kind: kind.__name__), ref_template=REF
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "eventjob", "version": version("eventjob"), "description": _ABOUT},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _described(operation: Operation) -> dict[str, Any]:
    doc = operation.handler.__doc__ or ""
    described: dict[str, Any] = {
        "operationId": _operation_id(operation),
        "summary": doc.strip().partition("\n")[0].rstrip("."),
        "parameters": [
            *path_parameters(operation.path),
            *(PARAMETERS[name] for name in (*operation.query, *operation.headers)),
        ],
        "responses": dict(_responses(operation)),
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": not operation.is_body_optional,
            "content": {"application/json": _content(operation.body)},
        }
    return described


def _operation_id(operation: Operation) -> str:
    """The handler's name; an alias outside ``/jobs`` has its own."""
    name: str = operation.handler.__name__
    return f"{name}_alias" if operation.path.endswith("event-job/{job_id}/restart") else name


def _responses(operation: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(operation.answer, str):
        good: dict[str, Any] = {operation.answer: {"schema": {}}}
    else:
        good = {"application/json": _content(operation.answer)}
    yield str(int(operation.status)), {"description": "done", "content": good}
    if operation.later:
        text = "durable, and will appear under Location; not visible yet"
        location = {"schema": {"type": "string"}}
        yield "202", {"description": text, "headers": {"Location": location}, "content": good}
    if "Range" in operation.headers:
        yield "206", {"description": "the part that was asked for", "content": good}
    if "If-None-Match" in operation.headers:
        yield "304", {"description": "what If-None-Match names is still right"}
    for status in sorted({STATUS[code] for code in operation.errors}):
        yield str(int(status)), _error(operation, status)


def _error(operation: Operation, status: HTTPStatus) -> dict[str, Any]:
    codes = [code for code in operation.errors if STATUS[code] is status]
    content = _content(ErrorAnswer) | {"example": error_example(codes[0])}
    return {"description": " or ".join(codes), "content": {"application/json": content}}


def _content(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        "schema": {"$ref": REF.format(name=kind.__name__)},
        "example": msgspec.to_builtins(EXAMPLES[kind]),
    }


def _kinds(operation: Operation) -> Iterator[type[msgspec.Struct]]:
    if not isinstance(operation.answer, str):
        yield operation.answer
    if operation.body is not None:
        yield operation.body
