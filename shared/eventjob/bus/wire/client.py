"""nats-py's client, with a straight way for messages that come by the thousand.

nats-py parses the headers of each message and hands it over through a queue and a task, which
costs more than what most of our messages are for. `tests/integration/test_bus_client.py` holds
what is private here, and in `eventjob.bus.wire.frames`, against each release.
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
    """The server does not let this user publish there."""


class NoTls(nats.errors.Error):
    """The server has no TLS, and it was asked for: the password stays here."""

    def __str__(self) -> str:
        return "the server has no TLS, which tls:// asks for"


def is_denial(error: Exception) -> bool:
    """Whether this is the server's word that a user may not do something."""
    return _DENIED.search(str(error)) is not None


class Client(nats.aio.client.Client):
    """A client of which some subscriptions are read without detour."""

    def __init__(self) -> None:
        super().__init__()
        self._intercepts: dict[int, Intercept] = {}
        self._denied: dict[str, str] = {}

    def intercept(self, subscription: Subscription, take: Intercept) -> None:
        """Let ``take`` have each message of the subscription before anybody else.

        It hears subject, reply, data and head (b"" where there are no headers) from within the
        reading loop: it must neither wait nor raise. What it answers False to goes the usual way.
        """
        self._intercepts[subscription._id] = take  # noqa: SLF001 - see the module's docstring

    def stop_intercepting(self, subscription: Subscription) -> None:
        """Let everything go the usual way again."""
        self._intercepts.pop(subscription._id, None)  # noqa: SLF001

    def note_denial(self, error: Exception) -> str | None:
        """What the server does not permit, where ``error`` says so, and says it the first time."""
        found = _DENIED.search(str(error))
        if found is None or found[2] in self._denied:
            return None
        verb = "publish" if found[1] == "publish" else "subscribe"
        self._denied[found[2]] = f"user {self.options['user']} may not {verb} to {found[2]}"
        return self._denied[found[2]]

    def forget_denials(self) -> None:
        """Begin anew: another server, or other rights, may answer from now on."""
        self._denied.clear()

    def check_permitted(self, *subjects: str) -> None:
        """Nothing, unless the server has refused one of these subjects.

        Raises:
            Denied: it has.
        """
        for subject in subjects:
            if subject.lower() in self._denied:
                raise Denied(self._denied[subject.lower()])

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float = 0.5,  # noqa: ASYNC109 - as it is there
        old_style: bool = False,  # noqa: FBT001, FBT002
        headers: dict[str, Any] | None = None,
    ) -> Msg:
        """As in nats-py; where no answer comes since the subject is denied, `Denied`."""
        try:
            return await super().request(subject, payload, timeout, old_style, headers)
        except nats.errors.TimeoutError:
            self.check_permitted(subject)
            raise

    async def next_message(self, subscription: Subscription, asked: str, within_s: float) -> Msg:
        """The next message that follows from what was published to ``asked``; else as `request`."""
        try:
            return await subscription.next_msg(timeout=within_s)
        except nats.errors.TimeoutError:
            self.check_permitted(asked)
            raise

    def _connect_command(self) -> bytes:
        server = self._current_server
        is_plain = not self._server_info.get("tls_required")
        if server is not None and server.uri.scheme == "tls" and is_plain:
            raise NoTls
        return super()._connect_command()

    async def _process_pong(self) -> None:
        """As in nats-py, but for a flush that was given up: its answer would end the reading."""
        if self._pongs and self._pongs[0].done():
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None
    ) -> None:
        take = self._intercepts.get(sid)
        if take is None or not take(subject, reply, data, headers or b""):
            await super()._process_msg(sid, subject, reply, data, headers)  # type: ignore[arg-type]
