"""Successful responses."""

from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response

JSON = "application/json"


def json_response(
    view: msgspec.Struct,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Respond with the view as JSON."""
    return Response(msgspec.json.encode(view), status, headers=headers, media_type=JSON)


def tagged_response(request: Request, view: msgspec.Struct, variant: str = "") -> Response:
    """Respond with the view as JSON and its ETag, or 304 if the client has it already.

    ``variant`` becomes part of the tag: the past and the present of an object may look alike.
    """
    body = msgspec.json.encode(view)
    tag = f'"{sha256(body + variant.encode()).hexdigest()[:32]}"'
    if matches_tag(request, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    return Response(body, headers={"ETag": tag}, media_type=JSON)


def matches_tag(request: Request, tag: str) -> bool:
    """True if If-None-Match contains this tag, strong or weak (RFC 9110, 13.1.2)."""
    header = request.headers.get("if-none-match", "")
    return header.strip() == "*" or tag in (
        part.strip().removeprefix("W/") for part in header.split(",")
    )
