"""No web page may use a visitor's browser as its way in."""

import ipaddress
import re
from typing import ClassVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eventjob.contracts.paths import BASE_PATH
from services.api.access.authenticate import USER_HEADER
from services.api.response.errors import Problem, error_response

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[^:\[\]/@]+)(?::(?P<port>[0-9]{1,5}))?\Z")
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/]+)\Z")


class BrowserRules:
    """An ASGI app behind checks of Host and Origin."""

    _loopback: ClassVar = frozenset({"localhost", "127.0.0.1", "[::1]"})

    def __init__(self, app: ASGIApp, bound_host: str) -> None:
        self._app = app
        self._hosts = self._loopback | {bound_host.lower(), f"[{bound_host.lower()}]"}
        self._checks_host = is_loopback(bound_host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what a foreign page may have sent; pass on the rest."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        headers = Headers(scope=scope)
        refusal = self._refusal(scope["method"], headers.getlist("host"), headers.getlist("origin"))
        answering = self._app if refusal is None else error_response(refusal)
        await answering(scope, receive, send)

    def _refusal(self, method: str, hosts: list[str], origins: list[str]) -> Problem | None:
        host = hosts[0].lower() if hosts else ""
        if self._checks_host and hosts and (len(hosts) > 1 or _name(host) not in self._hosts):
            return Problem("permission_denied", "this service does not answer to this Host")
        is_foreign = any(not is_same_origin(origin.lower(), host) for origin in origins)
        if is_foreign and method not in _SAFE_METHODS:
            return Problem("permission_denied", "pages of another origin may not change anything")
        return None


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach a server bound to ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_same_origin(origin: str, host: str) -> bool:
    """Whether a page of this origin was served under this Host; the scheme may differ.

    (A proxy in front may speak TLS.) Both in lower case.
    """
    parts = _ORIGIN.match(origin)
    if parts is None:
        return False
    default_port = ":443" if parts["scheme"] == "https" else ":80"
    return parts["authority"].removesuffix(default_port) == host.removesuffix(default_port)


def _name(authority: str) -> str | None:
    found = _AUTHORITY.match(authority)
    return found["host"] if found else None


NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
GUARDS = {
    "Content-Security-Policy": f"sandbox; {NOTHING}",  # a 304 of a file renews the file's, too
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class SecurityHeaders:
    """An ASGI app whose answers all have these headers, and stay with who asked.

    It stands around everything else: what a middleware refuses and what breaks goes through it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and put the headers on the answer; an answer's own policy stays."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                _guard(MutableHeaders(scope=message), scope["path"])
            await send(message)

        await self._app(scope, receive, guarded)


def _guard(headers: MutableHeaders, path: str) -> None:
    for name, value in GUARDS.items():
        headers.setdefault(name, value)
    if path.startswith(BASE_PATH):
        headers["Cache-Control"] = "private, no-cache"
        headers.add_vary_header(f"{USER_HEADER}, Authorization")
