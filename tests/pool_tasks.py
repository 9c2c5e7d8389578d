"""What the tests have a process of the pool do; it is found there by its module and name."""

import ctypes
import os
import time
from pathlib import Path

import msgspec

_kept: list[bytes] = []


class Found(msgspec.Struct):
    path: Path
    sizes: tuple[int, ...]


def pid() -> int:
    return os.getpid()


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def leave(code: int) -> None:
    os._exit(code)


def crash() -> None:
    ctypes.string_at(0)


def fail(text: str) -> None:
    raise ValueError(text)


def look(path: Path, sizes: list[int], scale: int = 1) -> Found:
    return Found(path / "found", tuple(size * scale for size in sizes))


def take(megabytes: int) -> int:
    return len(b"x" * (megabytes * 1024**2))


def keep(megabytes: int) -> None:
    _kept.append(b"x" * (megabytes * 1024**2))


def text(length: int) -> str:
    return "x" * length


def lie() -> int:
    return "no number"


def babble(nonsense: bytes) -> None:
    """Does what a process might that a page has taken over."""
    os.write(_way(), nonsense)
    time.sleep(60)


def surroundings() -> tuple[dict[str, str], list[int], int]:
    """The environment, the descriptors but those of standard streams, and the session."""
    return dict(os.environ), _descriptors(), os.getsid(0)


def _way() -> int:
    (only,) = _descriptors()
    return only


def _descriptors() -> list[int]:
    return [fd for fd in range(3, 1000) if _is_open(fd)]


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
