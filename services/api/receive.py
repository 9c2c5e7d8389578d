"""Request bodies: read up to a limit, and decoded as JSON."""

import asyncio
import re
from collections.abc import Callable
from typing import TypeVar

import msgspec
from starlette.requests import Request

from services.api.errors import Problem

LARGE_BYTES = 64 * 1024

Made = TypeVar("Made")

_JSON = re.compile(r"application/json|[^/\s]+/[^/\s]+\+json")
_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii"})


async def json_body(request: Request, max_bytes: int, make: Callable[[object], Made]) -> Made:
    """What ``make`` makes of the decoded body; in a thread for a large one: others are waiting.

    Raises:
        Problem: ``payload_too_large``, ``unsupported_media_type``, or ``validation_error`` for
            what is no JSON.
    """
    _check_media_type(request)
    body = await _read(request, max_bytes)
    return await _made(body, make)


async def optional_json_body(
    request: Request, max_bytes: int, make: Callable[[object], Made]
) -> Made:
    """As `json_body`; where nothing was sent, what ``make`` makes of an empty object."""
    body = await _read(request, max_bytes)
    if not body:
        return make({})
    _check_media_type(request)
    return await _made(body, make)


async def _made(body: bytes, make: Callable[[object], Made]) -> Made:
    if len(body) <= LARGE_BYTES:
        return make(_decoded(body))
    return await asyncio.to_thread(lambda: make(_decoded(body)))


async def _read(request: Request, max_bytes: int) -> bytes:
    """The body, counted as it comes; what lies behind the limit is never kept."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


def _too_large(max_bytes: int) -> Problem:
    return Problem("payload_too_large", f"a request's body may have {max_bytes} bytes at most")


def _check_media_type(request: Request) -> None:
    if not is_json(request.headers.get("content-type", "")):
        raise Problem("unsupported_media_type", "a request's body must be application/json, UTF-8")


def is_json(content_type: str) -> bool:
    """Whether this header's value means JSON in UTF-8.

    Source: RFC 9110, 8.3.1. The standard library's parser reads mail, and breaks on some values.
    """
    media_type, *parameters = content_type.lower().split(";")
    named = (parameter.partition("=") for parameter in parameters)
    charsets = {value.strip(' \t"') for name, _, value in named if name.strip() == "charset"}
    return _JSON.fullmatch(media_type.strip()) is not None and charsets <= _UTF_8


def _decoded(body: bytes) -> object:
    try:
        return msgspec.json.decode(body, type=object)
    except RecursionError:
        raise Problem("validation_error", "the body is nested too deeply") from None
    except ValueError as error:  # also of UTF-8 that is none
        raise Problem("validation_error", f"the body is no JSON: {_reason(error)}") from None


def _reason(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    return str(error).removeprefix("JSON is malformed: ")
