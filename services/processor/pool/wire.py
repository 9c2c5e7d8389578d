"""Protocol between pool and processes: calls and outcomes as MessagePack.

Results are decoded by the function's annotations and never unpickled: a hijacked process
can only send values of the expected type.
"""

import importlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

LENGTH_BYTES = 4  # before each message
MAX_BYTES = 8 * 1024 * 1024  # that a process may send

AnyFunction = Callable[..., Any]


class Call(msgspec.Struct, frozen=True, array_like=True):
    """A module's function, and its encoded arguments."""

    module: str
    name: str
    arguments: msgspec.Raw


class Returned(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The encoded result; a worn process should be replaced."""

    result: msgspec.Raw
    is_worn: bool


class Raised(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """An exception as text: most exceptions cannot travel."""

    text: str
    is_worn: bool


Outcome = Returned | Raised
call_decoder = msgspec.msgpack.Decoder(Call)
outcome_decoder: msgspec.msgpack.Decoder[Outcome] = msgspec.msgpack.Decoder(Outcome)


def encode_call(function: AnyFunction, arguments: tuple[object, ...]) -> bytes:
    """Encode a call; `call_decoder` decodes it."""
    message = Call(function.__module__, function.__qualname__, msgspec.Raw(encode(arguments)))
    return encode(message)


@lru_cache(maxsize=256)
def resolve_function(module: str, name: str) -> AnyFunction:
    """Import the function that a call names."""
    function: AnyFunction = getattr(importlib.import_module(module), name)
    return function


def decode_arguments(function: AnyFunction, encoded: msgspec.Raw) -> tuple[Any, ...]:
    """Decode arguments by the function's annotations; those with defaults may be missing."""
    count = len(msgspec.msgpack.decode(encoded, type=tuple[msgspec.Raw, ...]))
    return tuple(_arguments_decoder(function, count).decode(encoded))


def decode_result(function: AnyFunction, encoded: msgspec.Raw) -> Any:  # noqa: ANN401 - annotated
    """Decode a result by the function's annotation; raise `msgspec.MsgspecError` if it differs."""
    return _result_decoder(function).decode(encoded)


def frame(message: bytes) -> bytes:
    """Prefix a message with its length."""
    return len(message).to_bytes(LENGTH_BYTES, "big") + message


def frame_length(head: bytes) -> int:
    """Parse the length prefix, `LENGTH_BYTES` long."""
    return int.from_bytes(head, "big")


def encode(value: object) -> bytes:
    """Encode ``value``; a `Path` travels as a string."""
    return msgspec.msgpack.encode(value, enc_hook=_encode_path)


def _encode_path(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} cannot be sent to a process")


def _decode_path(expected: type, value: object) -> object:
    if issubclass(expected, Path):
        return Path(str(value))
    raise NotImplementedError(f"{expected.__name__} cannot be sent to a process")


@lru_cache(maxsize=256)
def _arguments_decoder(function: AnyFunction, count: int) -> msgspec.msgpack.Decoder[Any]:
    hints = get_type_hints(function)
    hints.pop("return")
    kinds = tuple(hints.values())[:count]
    return msgspec.msgpack.Decoder(tuple[kinds], dec_hook=_decode_path)  # type: ignore[valid-type]


@lru_cache(maxsize=256)
def _result_decoder(function: AnyFunction) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(get_type_hints(function)["return"], dec_hook=_decode_path)
