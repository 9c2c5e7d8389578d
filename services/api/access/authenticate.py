"""Whose key a request carries, and whether it is his turn: before anything else is looked at."""

from typing import NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eventjob.runtime.setting_types import Rate
from services.api.access.keys import Key, KeyRing
from services.api.access.rate_limits import Buckets, network_of
from services.api.response.errors import NEEDS_KEY, Problem, error_response, unauthenticated

USER_HEADER = "X-User-ID"
FAILURES = Rate(20, 60)  # bad keys of one address; a good one is never kept out by them

_KEY = "eventjob.key"
_ALWAYS_OPEN = frozenset({"/healthz", "/readyz"})
_FOR_ALL = frozenset({"/docs", "/openapi.json"})
_FOR_ADMINISTRATORS = frozenset({"/metrics"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class KeyPolicy(NamedTuple):
    """Who gets in, where API keys are in use."""

    ring: KeyRing
    usual: Rate
    anonymous_reads: bool = True


class Authentication:
    """An ASGI app that is asked only by whoever may ask, and not too often."""

    def __init__(self, app: ASGIApp, door: KeyPolicy) -> None:
        self._app = app
        self._door = door
        self._by_key = Buckets("key")
        self._by_address = Buckets("address")
        self._failures = Buckets("failures")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse who may not ask now; pass on the rest, with the key."""
        if scope["type"] != "http" or scope["path"] in _ALWAYS_OPEN:
            await self._app(scope, receive, send)
            return
        told: dict[str, str] = {}

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(told)
            await send(message)

        answering = self._app
        try:
            scope[_KEY] = self._identify(scope, Headers(scope=scope), told)
            scope[NEEDS_KEY] = scope[_KEY] is None
        except Problem as refusal:
            answering = error_response(refusal)
        await answering(scope, receive, telling)

    def _identify(self, scope: Scope, headers: Headers, told: dict[str, str]) -> Key | None:
        """The key, or None for a caller without one; ``told`` gets headers for the answer.

        Raises:
            Problem: ``unauthenticated``, ``permission_denied`` or ``rate_limited``.
        """
        sent = headers.getlist("authorization")
        if not sent:
            self._take(self._by_address, _network(scope), self._door.usual, told)
            self._check_anonymous(scope, headers)
            return None
        scheme, _, text = sent[0].partition(" ")
        is_bearer = len(sent) == 1 and scheme.lower() == "bearer"
        key = self._door.ring.find(text.strip()) if is_bearer else None
        if key is None:
            self._take(self._failures, _network(scope), FAILURES, told)
            raise unauthenticated("there is no such API key", error="invalid_token")
        self._take(self._by_key, key.id, key.own_rate(self._door.usual), told)
        if scope["path"] in _FOR_ADMINISTRATORS and not key.administer:
            raise Problem("permission_denied", "this is for keys that may administer")
        return key

    def _check_anonymous(self, scope: Scope, headers: Headers) -> None:
        path = scope["path"]
        if path in _FOR_ALL and scope["method"] in _SAFE_METHODS:
            return
        if (
            not self._door.anonymous_reads
            or path in _FOR_ADMINISTRATORS
            or scope["method"] not in _SAFE_METHODS
            or USER_HEADER in headers
        ):
            raise unauthenticated("this needs an API key: Authorization: Bearer <key>")

    def _take(self, buckets: Buckets, name: str, rate: Rate, told: dict[str, str]) -> None:
        taken = buckets.take(name, rate)
        told.update(buckets.headers(taken, rate))
        if not taken.is_allowed:
            raise Problem("rate_limited", "too many requests, please wait")


def _network(scope: Scope) -> str:
    return network_of((scope.get("client") or ("",))[0])


def key_of(scope: Scope) -> Key | None:
    """The key that came with the request."""
    key: Key | None = scope.get(_KEY)
    return key
