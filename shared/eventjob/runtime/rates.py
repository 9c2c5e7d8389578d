"""How often something may be done, as people write it: ``50/s``, ``3000/min``."""

import re

import msgspec

FORM = "a number per time such as 50/s, 3000/min or 10000/h"
_RATE = re.compile(r"([1-9][0-9]{0,5}) */ *(s|min|h)")
_WINDOWS_S = {"s": 1, "min": 60, "h": 3600}


class Rate(msgspec.Struct, frozen=True):
    """``quota`` times in each ``window_s`` seconds, and as many at once."""

    quota: int
    window_s: int


def rate_of(text: str) -> Rate:
    """The rate that is written there.

    Raises:
        ValueError: says what was expected.
    """
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError(FORM)
    return Rate(int(found[1]), _WINDOWS_S[found[2]])
