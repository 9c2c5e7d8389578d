"""nats-py's client, with a fast path for frequent messages.

nats-py parses each message's headers and passes it through a queue and a task. That was a third of
the time of projector and worker. `tests/integration/test_bus_client.py` checks the private names
used here and in `eventjob.bus.wire.frames` against each release.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import nats.aio.client
import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

_DENIED = re.compile(r'permissions violation for (publish|subscription) to "([^"]+)"')

Intercept = Callable[[bytes, bytes, bytes, bytes], bool]


class Denied(nats.errors.Error):
    """The server denies this user a subject."""


class NoTls(nats.errors.Error):
    """The server lacks the TLS that was asked for; the password stays here."""

    def __str__(self) -> str:
        return "tls:// was asked for, but the server has no TLS"


def is_denial(error: Exception) -> bool:
    """Return True if the server denies this user a subject."""
    return _DENIED.search(str(error)) is not None


class Client(nats.aio.client.Client):
    """A client that hands messages of some subscriptions over directly."""

    def __init__(self) -> None:
        super().__init__()
        self._intercepts: dict[int, Intercept] = {}
        self._denied: dict[str, str] = {}

    def intercept(self, subscription: Subscription, callback: Intercept) -> None:
        """Call ``callback`` with each message of the subscription before nats-py handles it.

        It gets subject, reply, data and head (b"" without headers) inside the reading loop: it must
        neither wait nor raise. A message for which it returns False goes on to nats-py.
        """
        self._intercepts[subscription._id] = callback  # noqa: SLF001 - see the module's docstring

    def stop_intercepting(self, subscription: Subscription) -> None:
        """Leave the subscription's messages to nats-py again."""
        self._intercepts.pop(subscription._id, None)  # noqa: SLF001

    def note_denial(self, error: Exception) -> str | None:
        """Return what ``error`` denies, the first time that it is denied."""
        found = _DENIED.search(str(error))
        if found is None or found[2] in self._denied:
            return None
        verb = "publish" if found[1] == "publish" else "subscribe"
        self._denied[found[2]] = f"user {self.options['user']} may not {verb} to {found[2]}"
        return self._denied[found[2]]

    def forget_denials(self) -> None:
        """Forget all denials: after a reconnect, other rights may apply."""
        self._denied.clear()

    def check_permitted(self, *subjects: str) -> None:
        """Raise `Denied` if the server has denied one of these subjects."""
        for subject in subjects:
            if subject.lower() in self._denied:
                raise Denied(self._denied[subject.lower()])

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float = 0.5,  # noqa: ASYNC109 - nats-py's signature
        old_style: bool = False,  # noqa: FBT001, FBT002
        headers: dict[str, Any] | None = None,
    ) -> Msg:
        """Send a request as nats-py does; raise `Denied` for a timeout on a denied subject."""
        try:
            return await super().request(subject, payload, timeout, old_style, headers)
        except nats.errors.TimeoutError:
            self.check_permitted(subject)
            raise

    async def next_message(self, subscription: Subscription, subject: str, within_s: float) -> Msg:
        """Wait for an answer to what was published on ``subject``; raises as `request`."""
        try:
            return await subscription.next_msg(timeout=within_s)
        except nats.errors.TimeoutError:
            self.check_permitted(subject)
            raise

    def _connect_command(self) -> bytes:
        server = self._current_server
        is_plain = not self._server_info.get("tls_required")
        if server is not None and server.uri.scheme == "tls" and is_plain:
            raise NoTls
        return super()._connect_command()

    async def _process_pong(self) -> None:
        """Handle a pong; that of an abandoned flush would end nats-py's reading loop."""
        if self._pongs and self._pongs[0].done():
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None
    ) -> None:
        callback = self._intercepts.get(sid)
        if callback is None or not callback(subject, reply, data, headers or b""):
            await super()._process_msg(sid, subject, reply, data, headers)  # type: ignore[arg-type]
