"""A process of the pool, from within: one call after the other, until nobody asks any more.

It has no environment and no sockets but its own, is killed with its parent, hears no terminal,
says nothing, leaves its processor to the parent where both want it, and has little memory.
"""

import gc
import importlib
import logging
import os
import resource
import signal
import socket
import sys
from contextlib import suppress
from io import BufferedRWPair
from pathlib import Path

import msgspec

from eventjob.runtime import die_with_parent
from services.processor.pool import wire

MEMORY_BYTES = 80 * 1024 * 1024  # beyond what it has when it is ready
WORN_BYTES = 24 * 1024 * 1024  # what it may keep of that from one call to the next
NICENESS = 5
COLLECT_AFTER = (50_000, 20, 100)
LONGEST_REASON = 500
MOST_RESULT_BYTES = wire.LONGEST_BYTES - 4 * LONGEST_REASON
_HEAVY = ("services.processor.extract.cascade", "services.processor.files.pdf")


def main() -> None:
    """Serve the parent: its id and the descriptor of our end of the way to it are arguments."""
    parent, descriptor = map(int, sys.argv[1:])
    die_with_parent.die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.disable()
    for module in _HEAVY:
        importlib.import_module(module)
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    with socket.socket(fileno=descriptor) as way, way.makefile("rwb") as stream:
        os.nice(NICENESS)
        limit = _limited()
        _silence()
        _send(stream, b"")
        with suppress(EOFError, ConnectionError):
            while True:
                _send(stream, _ending(_receive(stream), limit))


def _limited() -> int:
    """The size at which this process counts as worn, once its memory is limited."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = _data_bytes() + MEMORY_BYTES
    with suppress(OSError, ValueError):  # not every system has this limit
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    return _data_bytes() + WORN_BYTES


def _data_bytes() -> int:
    """What counts against RLIMIT_DATA; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[5]) * resource.getpagesize()
    except FileNotFoundError:
        return 0


def _silence() -> None:
    """Whoever reads our parent's log wants no lines that a page has a say in."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stderr.fileno())
    os.close(nowhere)


def _ending(request: bytes, limit: int) -> bytes:
    """What became of a call, as it is sent."""
    try:
        result = msgspec.Raw(_result(request))
        return wire.packed(wire.Returned(result, _data_bytes() > limit))
    except MemoryError:
        return wire.packed(wire.Raised("MemoryError: it takes too much memory", is_worn=True))
    except Exception as error:  # noqa: BLE001 - parsers raise anything: it is the page's failure
        text = f"{type(error).__name__}: {error}"[:LONGEST_REASON]
        return wire.packed(wire.Raised(text, _data_bytes() > limit))


def _result(request: bytes) -> bytes:
    call = wire.calls.decode(request)
    function = wire.called(call.module, call.name)
    result = wire.packed(function(*wire.arguments_of(function, call.arguments)))
    if len(result) > MOST_RESULT_BYTES:
        raise ValueError(f"its result has {len(result)} bytes")
    return result


def _receive(stream: BufferedRWPair) -> bytes:
    head = stream.read(wire.LENGTH_BYTES)
    if len(head) < wire.LENGTH_BYTES:
        raise EOFError
    return stream.read(wire.length(head))


def _send(stream: BufferedRWPair, message: bytes) -> None:
    stream.write(wire.framed(message))
    stream.flush()


if __name__ == "__main__":
    main()
