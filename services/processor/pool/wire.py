"""How a pool and its processes speak: a call, and what became of it, as MessagePack.

Nothing is ever unpickled: a process that a page has taken over can only send values of the type
that the called function returns.
"""

import importlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

LENGTH_BYTES = 4  # before each message
LONGEST_BYTES = 8 * 1024 * 1024  # that a process may send

AnyFunction = Callable[..., Any]


class Call(msgspec.Struct, frozen=True, array_like=True):
    """A module's function, and its arguments as `packed`."""

    module: str
    name: str
    arguments: msgspec.Raw


class Returned(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """What the function returned, `packed`, and whether the process is of no more use."""

    result: msgspec.Raw
    is_worn: bool


class Raised(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """An exception as text: not every exception can travel."""

    text: str
    is_worn: bool


Ending = Returned | Raised
calls = msgspec.msgpack.Decoder(Call)
endings: msgspec.msgpack.Decoder[Ending] = msgspec.msgpack.Decoder(Ending)


def call(function: AnyFunction, arguments: tuple[object, ...]) -> bytes:
    """The call, as it is sent; `calls` decodes it."""
    sent = Call(function.__module__, function.__qualname__, msgspec.Raw(packed(arguments)))
    return packed(sent)


@lru_cache(maxsize=256)
def called(module: str, name: str) -> AnyFunction:
    """The function that a call means."""
    function: AnyFunction = getattr(importlib.import_module(module), name)
    return function


def arguments_of(function: AnyFunction, packed_arguments: msgspec.Raw) -> tuple[Any, ...]:
    """The arguments as the function's annotations say; those that have defaults may be missing."""
    count = len(msgspec.msgpack.decode(packed_arguments, type=tuple[msgspec.Raw, ...]))
    return tuple(_arguments(function, count).decode(packed_arguments))


def result_of(function: AnyFunction, packed_result: msgspec.Raw) -> Any:  # noqa: ANN401 - as annotated
    """The result, as the function's annotation says.

    Raises:
        msgspec.MsgspecError: it is something else.
    """
    return _result(function).decode(packed_result)


def framed(message: bytes) -> bytes:
    """A message as it goes over the wire."""
    return len(message).to_bytes(LENGTH_BYTES, "big") + message


def length(head: bytes) -> int:
    """How long the message is that follows these `LENGTH_BYTES`."""
    return int.from_bytes(head, "big")


def packed(value: object) -> bytes:
    """``value``, of which a `Path` is a string on its way."""
    return msgspec.msgpack.encode(value, enc_hook=_plain)


def _plain(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} cannot be sent to a process")


def _made(wanted: type, value: object) -> object:
    if issubclass(wanted, Path):
        return Path(str(value))
    raise NotImplementedError(f"{wanted.__name__} cannot be sent to a process")


@lru_cache(maxsize=256)
def _arguments(function: AnyFunction, count: int) -> msgspec.msgpack.Decoder[Any]:
    hints = get_type_hints(function)
    hints.pop("return")
    kinds = tuple(hints.values())[:count]
    return msgspec.msgpack.Decoder(tuple[kinds], dec_hook=_made)  # type: ignore[valid-type]


@lru_cache(maxsize=256)
def _result(function: AnyFunction) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(get_type_hints(function)["return"], dec_hook=_made)
