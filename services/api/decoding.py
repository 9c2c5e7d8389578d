"""JSON, decoded where that takes no more memory than it should."""

import msgspec

from services.api.response.errors import Problem

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
