"""Read and decode a JSON body within limits of size and memory."""

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import msgspec
from starlette.requests import Request

from services.api.response.errors import Problem

DECODING_THREADS = 2  # for large bodies: each may take 250 MB while it is decoded
MAX_LARGEST_BODIES = 4  # read at the same time: slow clients must not take all memory
LARGE_BYTES = 64 * 1024
MEMORY_BYTES = 192 * 1024 * 1024
MEMORY_PER_BODY_BYTE = 6  # raises the limit above if larger bodies are allowed

# Upper bound of the memory for a list, an object, a field and an item, by the byte that opens it.
COSTS_BYTES = {b"[": 90, b"{": 250, b":": 110, b",": 90}

Built = TypeVar("Built")

_JSON = re.compile(r"application/json|[^/\s]+/[^/\s]+\+json")
_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii"})


async def read_json_body(
    request: Request, max_bytes: int, build: Callable[[object], Built]
) -> Built:
    """Read and decode the body, and return what ``build`` makes of it.

    Raises:
        Problem: ``payload_too_large``, ``unsupported_media_type``, ``validation_error`` for
            invalid JSON, or ``unavailable`` while too many large bodies are being read.
    """
    _check_media_type(request)
    with _large_bodies.reservation() as reservation:
        body = await _read(request, max_bytes, reservation)
        return await _decode_and_build(body, max_bytes, build)


async def read_optional_json_body(
    request: Request, max_bytes: int, build: Callable[[object], Built]
) -> Built:
    """As `read_json_body`; an absent body counts as an empty object."""
    with _large_bodies.reservation() as reservation:
        body = await _read(request, max_bytes, reservation)
        if not body:  # without a body, a Content-Type is not required
            return build({})
        _check_media_type(request)
        return await _decode_and_build(body, max_bytes, build)


def is_json(content_type: str) -> bool:
    """True if this header's value means JSON in UTF-8 (RFC 9110, 8.3.1)."""
    # The standard library's parser is for mail, and fails on some values.
    media_type, *parameters = content_type.lower().split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    charsets = {value.strip(' \t"') for name, _, value in pairs if name.strip() == "charset"}
    return _JSON.fullmatch(media_type.strip()) is not None and charsets <= _UTF_8


def decode_body(body: bytes, largest_bytes: int) -> object:
    """Decode a body; ``largest_bytes`` is the limit of a body's size.

    Raises:
        Problem: ``payload_too_large`` if it would take too much memory, ``validation_error`` if
            it is not JSON.
    """
    if len(body) > LARGE_BYTES:
        _check_memory(body, max(MEMORY_BYTES, MEMORY_PER_BODY_BYTE * largest_bytes))
    try:
        return msgspec.json.decode(body, type=object)
    except RecursionError:
        raise Problem("validation_error", "the body is nested too deeply") from None
    except ValueError as error:  # also for invalid UTF-8
        raise Problem("validation_error", f"the body is not valid JSON: {_reason(error)}") from None


class _Reservation:
    """Bytes that one request has reserved for its large body."""

    def __init__(self) -> None:
        self.bytes = 0


class _LargeBodies:
    """Memory reserved for large bodies, over all requests of this process."""

    def __init__(self) -> None:
        self._bytes = 0
        self.threads = ThreadPoolExecutor(DECODING_THREADS, thread_name_prefix="bodies")

    @contextmanager
    def reservation(self) -> Iterator[_Reservation]:
        """Open an empty reservation; release it at the end."""
        reservation = _Reservation()
        try:
            yield reservation
        finally:
            self._bytes -= reservation.bytes

    def extend(self, reservation: _Reservation, size_bytes: int, limit_bytes: int) -> None:
        """Extend a reservation to this size.

        Raises:
            Problem: ``unavailable`` if all reservations together exceed the limit.
        """
        more = size_bytes - reservation.bytes
        if self._bytes + more > limit_bytes:
            raise Problem("unavailable", "too many large bodies at the moment, please try again")
        reservation.bytes += more
        self._bytes += more


_large_bodies = _LargeBodies()


async def _decode_and_build(body: bytes, max_bytes: int, build: Callable[[object], Built]) -> Built:
    if len(body) <= LARGE_BYTES:
        return build(decode_body(body, max_bytes))
    loop = asyncio.get_running_loop()  # decoding a large body would keep all others waiting
    return await loop.run_in_executor(
        _large_bodies.threads, lambda: build(decode_body(body, max_bytes))
    )


async def _read(request: Request, max_bytes: int, reservation: _Reservation) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()  # counted while it arrives: the announced length may be absent or wrong
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
        if len(body) > LARGE_BYTES:
            _large_bodies.extend(reservation, len(body), MAX_LARGEST_BODIES * max_bytes)
    return bytes(body)


def _too_large(max_bytes: int) -> Problem:
    return Problem("payload_too_large", f"a request body may have at most {max_bytes} bytes")


def _check_media_type(request: Request) -> None:
    if not is_json(request.headers.get("content-type", "")):
        raise Problem("unsupported_media_type", "a request body must be application/json in UTF-8")


def _check_memory(body: bytes, limit_bytes: int) -> None:
    # 30 MB of empty lists would take 1.2 GB. Counting before decoding overestimates: it includes
    # the same bytes inside strings, for which the limit leaves room.
    needed = sum(body.count(mark) * cost for mark, cost in COSTS_BYTES.items())
    if needed > limit_bytes:
        raise Problem(
            "payload_too_large",
            f"decoded, the body would take about {needed >> 20} MB of memory; the limit is "
            f"{limit_bytes >> 20} MB: split it into several requests",
        )


def _reason(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    return str(error).removeprefix("JSON is malformed: ")
