"""Successful answers as bytes."""

from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response

JSON = "application/json"


def answer(
    view: msgspec.Struct,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The view as JSON."""
    return Response(msgspec.json.encode(view), status, headers=headers, media_type=JSON)


def tagged_answer(request: Request, view: msgspec.Struct, variant: str = "") -> Response:
    """The view as JSON with an ETag, or 304 where the client has just this.

    Equal views of another ``variant`` have another tag.
    """
    body = msgspec.json.encode(view)
    tag = f'"{sha256(body + variant.encode()).hexdigest()[:32]}"'
    if is_known(request, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    return Response(body, headers={"ETag": tag}, media_type=JSON)


def is_known(request: Request, tag: str) -> bool:
    """Whether If-None-Match names this strong tag; weak ones count as well.

    Source: RFC 9110, 13.1.2.
    """
    sent = request.headers.get("if-none-match", "")
    return sent.strip() == "*" or tag in (
        part.strip().removeprefix("W/") for part in sent.split(",")
    )
