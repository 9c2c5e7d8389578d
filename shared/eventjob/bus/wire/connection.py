"""The connection to NATS: it reconnects for ever, and reports when it had to."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nats
import nats.errors
from nats.js import JetStreamContext

from eventjob.bus.errors import Unavailable
from eventjob.bus.subjects import inbox_prefix
from eventjob.bus.wire.client import Client, is_denial
from eventjob.runtime.logs import Logger
from eventjob.runtime.settings import Nats

CONNECT_WITHIN_S = 5.0
ANSWER_WITHIN_S = 5.0  # a publish in flight when the server dies is unknown after this
DENIED = "nats.denied"
MAX_TROUBLES = 4  # kept, to log each once
BRIEF_WITHIN_S = 2.0  # for requests that are cheap to repeat: an election leaves them unanswered
PENDING_BYTES = 128 * 1024 * 1024  # more than a batch of events, which is flushed as a whole


class Connection:
    """A NATS client, its JetStream, and the number of reconnects.

    ``user`` is the bus user. Streams that it creates get ``replicas`` copies. ``brief`` is the same
    JetStream for quick requests: it gives up after 2 s instead of 5.
    """

    def __init__(
        self,
        on_trouble: Callable[[str, str], None],
        *,
        user: str | None = None,
        replicas: int = 1,
    ) -> None:
        self.user = user
        self.replicas = replicas
        self.client = Client()
        self.jetstream: JetStreamContext = self.client.jetstream(timeout=ANSWER_WITHIN_S)
        self.brief: JetStreamContext = self.client.jetstream(timeout=BRIEF_WITHIN_S)
        self.reconnects = 0
        self.troubles: list[str] = []  # since it was last connected
        self._closing = False
        self._on_trouble = on_trouble
        self._waiters: list[Callable[[], None]] = []

    @property
    def is_connected(self) -> bool:
        """True while the server is connected."""
        return bool(self.client.is_connected)

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        """Call back after each reconnect, since open pulls are lost."""
        self._waiters.append(callback)

    def remove_callback(self, callback: Callable[[], None]) -> None:
        """Stop calling back."""
        self._waiters.remove(callback)

    async def handle_reconnect(self) -> None:
        """Handle nats-py's callback after a reconnect."""
        self.reconnects += 1
        self.troubles.clear()
        self.client.forget_denials()
        self._on_trouble("nats.reconnected", "")
        for callback in list(self._waiters):
            callback()

    async def handle_disconnect(self) -> None:
        """Handle nats-py's callback when the connection is lost or closed."""
        if not self._closing:
            self._on_trouble("nats.disconnected", "")

    async def handle_error(self, error: Exception) -> None:
        """Handle nats-py's callback for errors; log each one once."""
        if is_denial(error):
            if reason := self.client.note_denial(error):
                self._on_trouble(DENIED, reason)
            return
        reason = str(error) or repr(error)
        if reason not in self.troubles:
            self.troubles = [*self.troubles[1 - MAX_TROUBLES :], reason]
            self._on_trouble("nats.error", reason)

    async def close(self) -> None:
        """Send what is pending and disconnect."""
        self._closing = True
        if self.client.is_connected:
            try:
                async with asyncio.timeout(2):
                    await self.client.drain()
            except (TimeoutError, nats.errors.Error):
                self._on_trouble("nats.drain_failed", "")
        if not self.client.is_closed:
            await self.client.close()


async def connect_as(name: str, nats: Nats, log: Logger) -> Connection:
    """Connect a service by its settings; its troubles go to ``log``.

    Raises:
        Unavailable: the server does not answer within 5 s.
    """
    if nats.url is None:
        raise Unavailable("EVENTJOB_NATS_URL is not set: only `eventjob up` works without it")

    def tell(event: str, reason: str) -> None:
        (log.error if event == DENIED else log.warning)(event, reason=reason)

    return await connect(
        nats.url,
        name=name,
        user=nats.user,
        password=nats.password,
        tls=_load_ca(nats.ca),
        replicas=nats.replicas,
        on_trouble=tell,
    )


def _load_ca(ca: Path | None) -> ssl.SSLContext | None:
    try:
        return None if ca is None else ssl.create_default_context(cafile=str(ca))
    except OSError as error:
        raise Unavailable(f"EVENTJOB_NATS_CA_FILE: {ca} holds no certificate: {error}") from error


async def connect(
    url: str,
    *,
    name: str,
    user: str | None = None,
    password: str | None = None,
    tls: ssl.SSLContext | None = None,
    replicas: int = 1,
    on_trouble: Callable[[str, str], None] = lambda _event, _reason: None,
) -> Connection:
    """Connect to the server at ``url``.

    Args:
        url: ``nats://host:port``, several separated by commas.
        name: of this client, for the server.
        user: with ``password``, if the server asks for them; it gets inboxes of its own.
        password: see ``user``.
        tls: for ``tls://`` with a private authority.
        replicas: of the streams and buckets that this connection creates.
        on_trouble: gets an event name and a reason, for the log.

    Raises:
        Unavailable: the server does not answer within 5 s.
    """
    connection = Connection(on_trouble, user=user, replicas=replicas)
    options: dict[str, Any] = {
        "user": user,
        "password": password,
        "tls": tls,
        "reconnect_time_wait": 0.1,  # seconds; typed as int, taken as float
    }
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            await connection.client.connect(
                servers=[part.strip() for part in url.split(",")],
                name=name,
                allow_reconnect=True,
                max_reconnect_attempts=-1,  # for ever: services wait for the bus, not a person
                connect_timeout=2,
                ping_interval=5,
                pending_size=PENDING_BYTES,
                inbox_prefix=inbox_prefix(user),
                error_cb=connection.handle_error,
                disconnected_cb=connection.handle_disconnect,
                reconnected_cb=connection.handle_reconnect,
                **{key: value for key, value in options.items() if value is not None},
            )
    except (TimeoutError, OSError, nats.errors.Error) as error:
        await connection.client.close()
        because = ": ".join([f"no NATS server answers at {url}", "; ".join(connection.troubles)])
        raise Unavailable(because.removesuffix(": ")) from error
    return connection
