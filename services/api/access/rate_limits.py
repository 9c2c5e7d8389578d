"""Token buckets, and the RateLimit headers that describe them.

Source of the headers: draft-ietf-httpapi-ratelimit-headers-10.
"""

import ipaddress
import time
from collections import OrderedDict
from math import ceil
from typing import NamedTuple

from eventjob.runtime.setting_types import Rate

MAX_BUCKETS = 20_000  # some 200 bytes each; the least recently used is dropped
_ROUNDING_S = 1e-6  # sums of floats: without it, the last token of a full bucket is refused


class TokenResult(NamedTuple):
    """Outcome of taking a token."""

    is_allowed: bool
    remaining: int
    full_in_s: float
    wait_s: float  # until the next token; 0 if this one was granted


class Buckets:
    """Token buckets by name. Each is one number: the time at which it is full again."""

    def __init__(self, policy: str) -> None:
        self.policy = policy
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take_token(self, name: str, rate: Rate) -> TokenResult:
        """Take a token from the bucket of this name, if it has one."""
        now = time.monotonic()
        each_s = rate.window_s / rate.quota
        full_at = max(now, self._full_at.pop(name, now))
        wait_s = full_at + each_s - now - rate.window_s
        is_allowed = wait_s <= _ROUNDING_S
        if is_allowed:
            full_at += each_s
        self._full_at[name] = full_at
        if len(self._full_at) > MAX_BUCKETS:
            self._full_at.popitem(last=False)
        remaining = max(0, int((rate.window_s - (full_at - now)) / each_s + _ROUNDING_S))
        return TokenResult(is_allowed, remaining, full_at - now, max(0.0, wait_s))

    def headers(self, result: TokenResult, rate: Rate) -> dict[str, str]:
        """Build RateLimit and RateLimit-Policy, and Retry-After for a refused request."""
        headers = {
            "RateLimit-Policy": f'"{self.policy}";q={rate.quota};w={rate.window_s}',
            "RateLimit": f'"{self.policy}";r={result.remaining};t={ceil(result.full_in_s)}',
        }
        if not result.is_allowed:
            headers["Retry-After"] = str(max(1, ceil(result.wait_s)))
        return headers


def network_of(address: str) -> str:
    """Return the address itself, or the /64 network of an IPv6 address."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address) or ip.ipv4_mapped:
        return str(ip)
    return str(ipaddress.ip_network((ip, 64), strict=False))  # one client owns a whole /64
