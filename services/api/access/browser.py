"""Host and Origin checks, and security headers, against foreign web pages."""

import ipaddress
import re
from typing import ClassVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eventjob.contracts.paths import BASE_PATH
from services.api.access.authenticate import USER_HEADER
from services.api.response.errors import Problem, error_response

# Every response is data. Only /docs has a policy of its own.
DENY_ALL_CSP = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
BROWSER_HEADERS = {
    "Content-Security-Policy": f"sandbox; {DENY_ALL_CSP}",  # a 304 replaces a cached file's
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[^:\[\]/@]+)(?::(?P<port>[0-9]{1,5}))?\Z")
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/]+)\Z")


class BrowserRules:
    """ASGI middleware that checks Host and Origin."""

    _loopback: ClassVar = frozenset({"localhost", "127.0.0.1", "[::1]"})

    def __init__(self, app: ASGIApp, bound_host: str) -> None:
        self._app = app
        self._hosts = self._loopback | {bound_host.lower(), f"[{bound_host.lower()}]"}
        self._checks_host = is_loopback(bound_host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse requests that a foreign page may have sent; pass on all others."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        headers = Headers(scope=scope)
        refusal = self._refusal(scope["method"], headers.getlist("host"), headers.getlist("origin"))
        responder = self._app if refusal is None else error_response(refusal)
        await responder(scope, receive, send)

    def _refusal(self, method: str, hosts: list[str], origins: list[str]) -> Problem | None:
        host = hosts[0].lower() if hosts else ""
        # DNS rebinding: a page's own host name may point to a loopback address.
        if self._checks_host and hosts and (len(hosts) > 1 or _host_name(host) not in self._hosts):
            return Problem("permission_denied", "this Host header is not accepted here")
        is_foreign = any(not is_same_origin(origin.lower(), host) for origin in origins)
        if is_foreign and method not in _SAFE_METHODS:
            return Problem("permission_denied", "web pages of another origin may only read")
        return None


def is_loopback(host: str) -> bool:
    """True if a server bound to ``host`` is reachable from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_same_origin(origin: str, host: str) -> bool:
    """True if a page of this origin was served under this Host. Both must be lower case."""
    parts = _ORIGIN.match(origin)  # the scheme may differ: a proxy in front may terminate TLS
    if parts is None:
        return False
    default_port = ":443" if parts["scheme"] == "https" else ":80"
    return parts["authority"].removesuffix(default_port) == host.removesuffix(default_port)


class SecurityHeaders:
    """ASGI middleware that adds `BROWSER_HEADERS` to every response.

    The outermost one, so that refusals and failures pass through it too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; add the headers unless the response has its own."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(MutableHeaders(scope=message), scope["path"])
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _add_headers(headers: MutableHeaders, path: str) -> None:
    for name, value in BROWSER_HEADERS.items():
        headers.setdefault(name, value)
    if path.startswith(BASE_PATH):
        headers["Cache-Control"] = "private, no-cache"  # the next request may be another user's
        headers.add_vary_header(f"{USER_HEADER}, Authorization")


def _host_name(authority: str) -> str | None:
    match = _AUTHORITY.match(authority)
    return match["host"] if match else None
