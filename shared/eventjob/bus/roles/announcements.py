"""What services say to each other in passing, and who listens."""

from collections.abc import Awaitable, Callable

import msgspec
import nats.errors
from nats.aio.msg import Msg

from eventjob.bus import subjects
from eventjob.bus.wire.connection import Connection
from eventjob.contracts.announcements import (
    Announcement,
    ProjectedTo,
    SchedulerAlive,
    WorkerAlive,
)
from eventjob.contracts.base import UNREADABLE

ANNOUNCE_EVERY_S = 1.0
BELIEVED_FOR_S = 4.0  # without a word for so long, whoever spoke is gone

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Announcement)
_KINDS = {WorkerAlive: "worker", SchedulerAlive: "scheduler", ProjectedTo: "projected"}


async def announce(connection: Connection, announcement: Announcement) -> None:
    """Say it to whoever listens; lost where the server is away."""
    if not connection.is_connected:
        return
    subject = subjects.announcement_subject(_KINDS[type(announcement)])
    try:
        await connection.client.publish(subject, _encoder.encode(announcement))
    except nats.errors.Error:
        return  # said again within a second


async def listen(
    connection: Connection,
    kinds: tuple[type[WorkerAlive | SchedulerAlive | ProjectedTo], ...],
    hear: Callable[[Announcement], Awaitable[None]],
) -> None:
    """Hear announcements of these kinds for as long as the connection lasts."""

    async def on_message(message: Msg) -> None:
        try:
            announcement = _decoder.decode(message.data)
        except UNREADABLE:
            return  # of a newer version, perhaps; nothing depends on it
        await hear(announcement)

    for kind in kinds:
        await connection.client.subscribe(
            subjects.announcement_subject(_KINDS[kind]), cb=on_message
        )
