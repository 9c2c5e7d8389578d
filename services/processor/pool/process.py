"""The main loop of a pool process: one call after the other, until the parent hangs up.

It has no environment, no other sockets, no terminal, low priority and little memory.
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
NICENESS = 5  # the parent's event loop goes first
GC_THRESHOLDS = (50_000, 20, 100)  # rarer: most objects die by their count
MAX_REASON_LENGTH = 500
MAX_RESULT_BYTES = wire.MAX_BYTES - 4 * MAX_REASON_LENGTH
_PRELOADED = (
    "services.processor.extract.cascade",
    "services.processor.files.pdf",
    "trafilatura",
)


def main() -> None:
    """Serve the parent; arguments are its process id and the channel's descriptor."""
    parent, descriptor = map(int, sys.argv[1:])
    die_with_parent.die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    logging.disable()  # parsers log what pages say
    for module in _PRELOADED:  # before memory is limited, and once per process
        importlib.import_module(module)
    gc.freeze()  # what is loaded by now stays: no need to look through it again
    gc.set_threshold(*GC_THRESHOLDS)
    with socket.socket(fileno=descriptor) as channel, channel.makefile("rwb") as stream:
        os.nice(NICENESS)
        limit = _limit_memory()
        _close_stderr()
        _send(stream, b"")
        with suppress(EOFError, ConnectionError):
            while True:
                _send(stream, _run_call(_receive(stream), limit))


def _limit_memory() -> int:
    """Limit this process's memory, and return the size at which it counts as worn."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # crashes are expected
    limit = _data_bytes() + MEMORY_BYTES
    with suppress(OSError, ValueError):  # not every system has this limit
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    return _data_bytes() + WORN_BYTES


def _data_bytes() -> int:
    """Return what counts against RLIMIT_DATA; 0 on systems that lack /proc."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[5]) * resource.getpagesize()
    except FileNotFoundError:
        return 0


def _close_stderr() -> None:
    """Drop standard error, so that pages cannot write to the parent's log."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stderr.fileno())
    os.close(nowhere)


def _run_call(request: bytes, limit: int) -> bytes:
    """Run a call and encode its outcome."""
    try:
        result = msgspec.Raw(_call_function(request))
        return wire.encode(wire.Returned(result, _data_bytes() > limit))
    except MemoryError:
        return wire.encode(wire.Raised("MemoryError: it takes too much memory", is_worn=True))
    except Exception as error:  # noqa: BLE001 - parsers raise anything: it is the page's failure
        text = f"{type(error).__name__}: {error}"[:MAX_REASON_LENGTH]
        return wire.encode(wire.Raised(text, _data_bytes() > limit))


def _call_function(request: bytes) -> bytes:
    call = wire.call_decoder.decode(request)
    function = wire.resolve_function(call.module, call.name)
    result = wire.encode(function(*wire.decode_arguments(function, call.arguments)))
    if len(result) > MAX_RESULT_BYTES:
        raise ValueError(f"its result has {len(result)} bytes")
    return result


def _receive(stream: BufferedRWPair) -> bytes:
    head = stream.read(wire.LENGTH_BYTES)
    if len(head) < wire.LENGTH_BYTES:
        raise EOFError
    return stream.read(wire.frame_length(head))


def _send(stream: BufferedRWPair, message: bytes) -> None:
    stream.write(wire.frame(message))
    stream.flush()


if __name__ == "__main__":
    main()
