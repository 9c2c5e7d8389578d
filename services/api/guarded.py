"""What every answer says to browsers: that it is data, nobody's page, and not to be run."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.access.identify import USER_HEADER
from services.api.context import BASE_PATH

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
GUARDS = {
    "Content-Security-Policy": f"sandbox; {NOTHING}",  # a 304 of a file renews the file's, too
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guarded:
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
