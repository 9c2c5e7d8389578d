"""Request bodies: read up to a limit, and decoded as JSON."""

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import msgspec
from starlette.requests import Request

from services.api.response.errors import Problem

AT_ONCE = 2  # large bodies that are decoded; the others wait for their turn
MOST_LARGEST = 4  # bodies of the largest size have room at the same time

Made = TypeVar("Made")

_JSON = re.compile(r"application/json|[^/\s]+/[^/\s]+\+json")
_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii"})


async def json_body(request: Request, max_bytes: int, make: Callable[[object], Made]) -> Made:
    """What ``make`` makes of the decoded body; in a thread for a large one: others are waiting.

    Raises:
        Problem: ``payload_too_large``, ``unsupported_media_type``, ``validation_error`` for
            what is no JSON, or ``unavailable`` while there are too many large ones.
    """
    _check_media_type(request)
    with _large.held() as held:
        body = await _read(request, max_bytes, held)
        return await _made(body, max_bytes, make)


async def optional_json_body(
    request: Request, max_bytes: int, make: Callable[[object], Made]
) -> Made:
    """As `json_body`; where nothing was sent, what ``make`` makes of an empty object."""
    with _large.held() as held:
        body = await _read(request, max_bytes, held)
        if not body:
            return make({})
        _check_media_type(request)
        return await _made(body, max_bytes, make)


class _Held:
    """What one request holds of the room for large bodies."""

    def __init__(self) -> None:
        self.bytes = 0


class _Large:
    """The room for large bodies, of all requests that this process reads.

    Without it, a hundred clients who send a large body slowly would take all memory.
    """

    def __init__(self) -> None:
        self._bytes = 0
        self.threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="bodies")

    @contextmanager
    def held(self) -> Iterator[_Held]:
        """What is held in here is free again after it."""
        held = _Held()
        try:
            yield held
        finally:
            self._bytes -= held.bytes

    def hold(self, held: _Held, size_bytes: int, room_bytes: int) -> None:
        """Hold as much as this in all.

        Raises:
            Problem: ``unavailable``, where there is no room now.
        """
        more = size_bytes - held.bytes
        if self._bytes + more > room_bytes:
            raise Problem("unavailable", "there are too many large bodies now, please try again")
        held.bytes += more
        self._bytes += more


_large = _Large()


async def _made(body: bytes, max_bytes: int, make: Callable[[object], Made]) -> Made:
    if len(body) <= LARGE_BYTES:
        return make(decoded(body, max_bytes))
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_large.threads, lambda: make(decoded(body, max_bytes)))


async def _read(request: Request, max_bytes: int, held: _Held) -> bytes:
    """The body, counted as it comes; what lies behind the limit is never kept."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
        if len(body) > LARGE_BYTES:
            _large.hold(held, len(body), MOST_LARGEST * max_bytes)
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


LARGE_BYTES = 64 * 1024
ROOM_BYTES = 192 * 1024 * 1024
ROOM_TIMES = 6  # the largest body, where that is more

# What each of these in a text costs at most as an object: a list, an object, a field, an item.
COSTS_BYTES = {b"[": 90, b"{": 250, b":": 110, b",": 90}


def decoded(body: bytes, largest_bytes: int) -> object:
    """The decoded body; ``largest_bytes`` is what a body may have.

    30 MB of empty lists would be 1 GB of them. What they cost is estimated by counting, before
    any is made; what stands in texts counts as well, which is why there is room.

    Raises:
        Problem: ``payload_too_large`` where it holds too much, ``validation_error`` for no JSON.
    """
    if len(body) > LARGE_BYTES:
        _check_room(body, max(ROOM_BYTES, ROOM_TIMES * largest_bytes))
    try:
        return msgspec.json.decode(body, type=object)
    except RecursionError:
        raise Problem("validation_error", "the body is nested too deeply") from None
    except ValueError as error:  # also of UTF-8 that is none
        raise Problem("validation_error", f"the body is no JSON: {_reason(error)}") from None


def _check_room(body: bytes, room_bytes: int) -> None:
    needed = sum(body.count(mark) * cost for mark, cost in COSTS_BYTES.items())
    if needed > room_bytes:
        raise Problem(
            "payload_too_large",
            f"a request's body may hold lists, objects and values of {room_bytes >> 20} MB in "
            f"memory, not of some {needed >> 20} MB: send it in several",
        )


def _reason(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    return str(error).removeprefix("JSON is malformed: ")
