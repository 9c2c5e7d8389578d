"""Pull from one or many consumers into one queue, with open requests at all times.

nats-py's `fetch` makes two requests and serves one consumer. A reader here takes all that has
arrived at once.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from eventjob.bus.errors import Unavailable
from eventjob.bus.wire import frames
from eventjob.bus.wire.client import Denied
from eventjob.bus.wire.connection import Connection

EXPIRES_S = 30.0
HEARTBEAT_S = 1.5  # for pulls that are long enough
MAX_MISSED_HEARTBEATS = 3  # then the pull is lost: its consumer has no leader
EXPIRY_SLACK_S = 1.5  # how late the server may report that a pull has expired
CHECK_EVERY_S = 0.5
LONGEST_GAP_S = 1.5  # between two checks; after a longer gap this process itself was frozen
RETRY_AFTER_S = 0.1
MAX_REFUSALS = 20  # in a row: servers of a cluster learn of a new consumer one by one
HALVING_FROM = 100  # larger demands are topped up when half is used, in fewer requests
NANOSECOND = 1_000_000_000
_TOKENS_V1 = 9  # $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<left>


class Source(NamedTuple):
    """A consumer of a stream."""

    stream: str
    durable: str


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """A delivered message, and the subject of its acknowledgement."""

    source: int  # index of the consumer among the pull's sources
    subject: str
    data: bytes
    head: bytes
    reply: str
    delivered: int  # how often so far, from 1
    stream_sequence: int
    consumer_sequence: int

    @property
    def headers(self) -> dict[str, str]:
        """The message's headers."""
        return frames.parse_headers(self.head)


class _Demand:
    """Messages that are requested from one consumer, queued or still to come."""

    def __init__(self) -> None:
        self.wanted = 0
        self.asked = 0
        self.queued = 0
        self.refusals = 0
        self.heard_at = time.monotonic()


class Pull:
    """Deliveries of several consumers, limited to each one's demand.

    The demand is the number of messages under way at any time: a worker's free slots, or a large
    number for a scheduler. A frozen reader still gets what it asked for until its pulls expire, so
    a scheduler, which others replace, has short pulls.
    """

    def __init__(
        self, connection: Connection, sources: Sequence[Source], *, expires_s: float = EXPIRES_S
    ) -> None:
        self._connection = connection
        self._expires_s = expires_s
        self._sources = sources
        self._pulls = [_Demand() for _ in sources]
        self._index = {(s.stream, s.durable): index for index, s in enumerate(sources)}
        self._queue: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._inbox = connection.client.new_inbox()
        self._subscription: Subscription | None = None
        self._trouble: str | None = None
        self._beats = expires_s > 2 * HEARTBEAT_S
        self._silence_s = (
            MAX_MISSED_HEARTBEATS * HEARTBEAT_S if self._beats else expires_s + EXPIRY_SLACK_S
        )
        self._looked_at = time.monotonic()

    async def open(self) -> None:
        """Subscribe; the first `set_demand` starts deliveries."""
        self._subscription = await self._connection.client.subscribe(
            f"{self._inbox}.*", cb=self._status
        )
        self._connection.client.intercept(self._subscription, self._enqueue)
        self._connection.on_reconnect(self._lost)

    async def close(self) -> None:
        """Unsubscribe. Messages under way come back after the consumer's ``ack_wait``."""
        self._connection.remove_callback(self._lost)
        if self._subscription is None:
            return
        self._connection.client.stop_intercepting(self._subscription)
        if self._connection.is_connected:
            await self._subscription.unsubscribe()

    async def set_demand(self, source: int, count: int) -> None:
        """Keep ``count`` messages under way, including queued ones."""
        pulls = self._pulls[source]
        pulls.wanted = count
        missing = count - pulls.asked - pulls.queued
        if missing > 0 and (count < HALVING_FROM or missing * 2 >= count):
            await self._ask(source, missing)

    async def receive(self, most: int, within_s: float) -> list[Delivery]:
        """Return up to ``most`` deliveries as soon as there are any; [] after ``within_s``.

        Raises:
            Unavailable: the pulls are lost, with the connection or with the consumer.
        """
        if not self._queue and self._trouble is None:
            self._arrived.clear()
            try:
                async with asyncio.timeout(within_s):  # `wait_for` of 3.11 can swallow a cancel
                    await self._arrived.wait()
            except TimeoutError:
                pass
        self._check_silence()
        if self._trouble is not None:
            raise Unavailable(self._trouble)
        taken = [self._queue.popleft() for _ in range(min(most, len(self._queue)))]
        for delivery in taken:
            self._pulls[delivery.source].queued -= 1
        return taken

    def wake(self) -> None:
        """Make a waiting `receive` return at once."""
        self._arrived.set()

    @property
    def queued(self) -> int:
        """Number of deliveries in the queue."""
        return len(self._queue)

    def _lost(self) -> None:
        self._trouble = "the connection was lost, and the open pulls with it"
        self._arrived.set()

    async def _ask(self, index: int, count: int) -> None:
        source, pulls = self._sources[index], self._pulls[index]
        pulls.asked += count
        pulls.heard_at = time.monotonic()
        request = {
            "batch": count,
            "expires": int(self._expires_s * NANOSECOND),
        }
        if self._beats:
            request["idle_heartbeat"] = int(HEARTBEAT_S * NANOSECOND)
        try:
            await self._connection.client.publish(
                pull_subject(source), msgspec.json.encode(request), reply=f"{self._inbox}.{index}"
            )
        except nats.errors.Error as error:
            raise Unavailable(f"cannot pull from {source.durable}: {error!r}") from error

    def _enqueue(self, subject: bytes, reply: bytes, data: bytes, head: bytes) -> bool:
        """Queue a delivery; return False for the server's status messages."""
        if not reply.startswith(b"$JS.ACK."):
            return False
        address = reply.decode()
        tokens = address.split(".")
        base = len(tokens) - 5 if len(tokens) == _TOKENS_V1 else len(tokens) - 6
        source = self._index[tokens[base - 2], tokens[base - 1]]
        pulls = self._pulls[source]
        pulls.asked -= 1
        pulls.queued += 1
        pulls.refusals = 0
        pulls.heard_at = time.monotonic()
        self._queue.append(
            Delivery(
                source=source,
                subject=subject.decode(),
                data=data,
                head=head,
                reply=address,
                delivered=int(tokens[base]),
                stream_sequence=int(tokens[base + 1]),
                consumer_sequence=int(tokens[base + 2]),
            )
        )
        self._arrived.set()
        return True

    async def _status(self, message: Msg) -> None:
        """Handle a status message: a heartbeat, or the end of a pull."""
        index = int(message.subject.rsplit(".", 1)[1])
        pulls = self._pulls[index]
        headers = message.headers or {}
        pulls.heard_at = time.monotonic()
        match headers.get("Status"):
            case "100":
                return
            case "404" | "408":  # no messages, or expired: ask again for the rest
                pulls.asked -= int(headers.get("Nats-Pending-Messages", pulls.asked))
                missing = pulls.wanted - pulls.asked - pulls.queued
                if missing > 0 and self._trouble is None:
                    await self._ask(index, missing)
            case "503" if pulls.refusals < MAX_REFUSALS and self._trouble is None:
                pulls.refusals += 1
                pulls.asked = 0
                await asyncio.sleep(RETRY_AFTER_S)
                await self.set_demand(index, pulls.wanted)
            case status:
                durable = self._sources[index].durable
                self._trouble = f"{durable}: {status} {headers.get('Description', '')}".strip()
                self._arrived.set()

    def _check_silence(self) -> None:
        """Detect silent consumers one by one, since each has a leader of its own."""
        now = time.monotonic()
        if now - self._looked_at < CHECK_EVERY_S:
            return
        was_away = now - self._looked_at > LONGEST_GAP_S
        self._looked_at = now
        try:
            self._connection.client.check_permitted(*(pull_subject(s) for s in self._sources))
        except Denied as reason:
            self._trouble = str(reason)
        for index, pulls in enumerate(self._pulls):
            if was_away:
                pulls.heard_at = now
            elif pulls.asked and now - pulls.heard_at > self._silence_s:
                self._trouble = f"{self._sources[index].durable} has gone silent"


def pull_subject(source: Source) -> str:
    """Return the subject of a consumer's pull requests."""
    return f"$JS.API.CONSUMER.MSG.NEXT.{source.stream}.{source.durable}"
