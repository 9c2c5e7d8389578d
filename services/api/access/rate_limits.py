"""How often somebody may ask: token buckets, and the headers that tell how full they are.

Source of the headers: draft-ietf-httpapi-ratelimit-headers-10.
"""

import ipaddress
import time
from collections import OrderedDict
from math import ceil
from typing import NamedTuple

from eventjob.runtime.setting_types import Rate

MOST_REMEMBERED = 20_000  # callers, at some 200 bytes each; who has not asked for longest goes
_ROUNDING_S = 1e-6


class TokenResult(NamedTuple):
    """Whether there was a token, how many are left, and in how many seconds all are back."""

    is_allowed: bool
    left: int
    full_in_s: float
    wait_s: float


class Buckets:
    """A bucket for each name. All that is remembered is the moment at which it is full again."""

    def __init__(self, policy: str) -> None:
        self.policy = policy
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, name: str, rate: Rate) -> TokenResult:
        """Take a token out of the bucket of this name, where there is one."""
        now = time.monotonic()
        each_s = rate.window_s / rate.quota
        full_at = max(now, self._full_at.pop(name, now))
        wait_s = full_at + each_s - now - rate.window_s
        is_allowed = wait_s <= _ROUNDING_S
        if is_allowed:
            full_at += each_s
        self._full_at[name] = full_at
        if len(self._full_at) > MOST_REMEMBERED:
            self._full_at.popitem(last=False)
        left = max(0, int((rate.window_s - (full_at - now)) / each_s + _ROUNDING_S))
        return TokenResult(is_allowed, left, full_at - now, max(0.0, wait_s))

    def headers(self, taken: TokenResult, rate: Rate) -> dict[str, str]:
        """RateLimit and RateLimit-Policy, and Retry-After for who has to wait."""
        headers = {
            "RateLimit-Policy": f'"{self.policy}";q={rate.quota};w={rate.window_s}',
            "RateLimit": f'"{self.policy}";r={taken.left};t={ceil(taken.full_in_s)}',
        }
        if not taken.is_allowed:
            headers["Retry-After"] = str(max(1, ceil(taken.wait_s)))
        return headers


def network_of(address: str) -> str:
    """Whom an address stands for: of IPv6 a whole /64, since one client has that many."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address) or found.ipv4_mapped:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))
