"""Middleware: authenticate the API key and apply the rate limit."""

from typing import NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eventjob.runtime.setting_types import Rate
from services.api.access.keys import Key, KeyRing
from services.api.access.rate_limits import Buckets, network_of
from services.api.response.errors import NEEDS_KEY, Problem, error_response, unauthenticated

USER_HEADER = "X-User-ID"
# Wrong keys per address. A valid key always passes, since a proxy's clients share one address.
FAILURE_RATE = Rate(20, 60)

_KEY = "eventjob.key"
_ALWAYS_OPEN = frozenset({"/healthz", "/readyz"})  # container probes have no key
_PUBLIC = frozenset({"/docs", "/openapi.json"})
_FOR_ADMINISTRATORS = frozenset({"/metrics"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class KeyPolicy(NamedTuple):
    """Access rules while API keys are in use."""

    ring: KeyRing
    default_rate: Rate
    anonymous_reads: bool = True  # a request without a key may read what is public


class Authentication:
    """ASGI middleware that passes on only authenticated requests within the rate limit."""

    def __init__(self, app: ASGIApp, policy: KeyPolicy) -> None:
        self._app = app
        self._policy = policy
        self._by_key = Buckets("key")
        self._by_address = Buckets("address")
        self._failures = Buckets("failures")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its key, or refuse it."""
        if scope["type"] != "http" or scope["path"] in _ALWAYS_OPEN:
            await self._app(scope, receive, send)
            return
        limits: dict[str, str] = {}  # filled below, also for a refusal: it has these headers too

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(limits)
            await send(message)

        responder = self._app
        try:
            scope[_KEY] = self._identify(scope, Headers(scope=scope), limits)
            scope[NEEDS_KEY] = scope[_KEY] is None
        except Problem as refusal:
            responder = error_response(refusal)
        await responder(scope, receive, send_with_limits)

    def _identify(self, scope: Scope, headers: Headers, limits: dict[str, str]) -> Key | None:
        """Return the request's key, if it has one, and fill in the headers in ``limits``.

        Raises:
            Problem: ``unauthenticated``, ``permission_denied`` or ``rate_limited``.
        """
        values = headers.getlist("authorization")
        if not values:
            self._take_token(self._by_address, _network(scope), self._policy.default_rate, limits)
            self._check_anonymous(scope, headers)
            return None
        scheme, _, text = values[0].partition(" ")
        is_bearer = len(values) == 1 and scheme.lower() == "bearer"
        key = self._policy.ring.find(text.strip()) if is_bearer else None
        if key is None:
            self._take_token(self._failures, _network(scope), FAILURE_RATE, limits)
            raise unauthenticated("unknown or revoked API key", error="invalid_token")
        rate = key.effective_rate(self._policy.default_rate)
        self._take_token(self._by_key, key.id, rate, limits)
        if scope["path"] in _FOR_ADMINISTRATORS and not key.administer:
            raise Problem("permission_denied", "this needs a key with the right to administer")
        return key

    def _check_anonymous(self, scope: Scope, headers: Headers) -> None:
        path = scope["path"]
        if path in _PUBLIC and scope["method"] in _SAFE_METHODS:
            return
        if (
            not self._policy.anonymous_reads
            or path in _FOR_ADMINISTRATORS
            or scope["method"] not in _SAFE_METHODS
            or USER_HEADER in headers  # without a key, the user cannot be verified
        ):
            raise unauthenticated("this needs an API key: Authorization: Bearer <key>")

    def _take_token(self, buckets: Buckets, name: str, rate: Rate, limits: dict[str, str]) -> None:
        result = buckets.take_token(name, rate)
        limits.update(buckets.headers(result, rate))
        if not result.is_allowed:
            raise Problem("rate_limited", "too many requests, please wait")


def request_key(scope: Scope) -> Key | None:
    """Return the key of an authenticated request."""
    key: Key | None = scope.get(_KEY)
    return key


def _network(scope: Scope) -> str:
    return network_of((scope.get("client") or ("",))[0])
