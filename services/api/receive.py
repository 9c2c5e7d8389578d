"""Request bodies: read up to a limit, and decoded as JSON."""

from email.message import Message

import msgspec
from starlette.requests import Request

from services.api.errors import Problem


async def json_body(request: Request, max_bytes: int) -> object:
    """The decoded body.

    Raises:
        Problem: ``payload_too_large``, ``unsupported_media_type``, or ``validation_error`` for
            what is no JSON.
    """
    _check_media_type(request)
    return _decoded(await _read(request, max_bytes))


async def optional_json_body(request: Request, max_bytes: int) -> object:
    """The decoded body, or an empty object where nothing was sent. Raises as `json_body`."""
    body = await _read(request, max_bytes)
    if not body:
        return {}
    _check_media_type(request)
    return _decoded(body)


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
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    media_type = header.get_content_type()
    charset = header.get_content_charset("utf-8")
    is_json = media_type == "application/json" or media_type.endswith("+json")
    if not is_json or charset not in {"utf-8", "utf8", "us-ascii"}:
        raise Problem("unsupported_media_type", "a request's body must be application/json, UTF-8")


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
