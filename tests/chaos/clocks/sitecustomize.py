"""Puts the clock of a Python process wrong, by as many seconds as a file says at the moment.

Imported by every Python that has this folder on its path, before anything else. Only what tells
the time of day is changed, in `time` and in `datetime`; what measures durations stays right.
"""

import contextlib
import ctypes
import datetime as dt
import gc
import os
import time

LOOK_EVERY_S = 0.2

_file = os.environ.get("CHAOS_CLOCK_FILE")
_time, _time_ns = time.time, time.time_ns
_now = dt.datetime.now
_seen = [0.0, 0.0]  # when the file was looked at, and what it said


def offset_s():
    """How wrong the clock is now; right where the file is not there."""
    at = time.monotonic()
    if at >= _seen[0] + LOOK_EVERY_S:
        said = 0.0
        with contextlib.suppress(OSError, ValueError), open(_file) as file:  # noqa: PTH123
            said = float(file.read())
        _seen[:] = [at, said]
    return _seen[1]


def now(_, tz=None):
    """`datetime.now`, put wrong: a plain datetime, as whoever encodes it expects."""
    return _now(tz) + dt.timedelta(seconds=offset_s())


if _file is not None:
    time.time = lambda: _time() + offset_s()
    time.time_ns = lambda: _time_ns() + int(offset_s() * 1_000_000_000)
    gc.get_referents(dt.datetime.__dict__)[0]["now"] = classmethod(now)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(dt.datetime))
