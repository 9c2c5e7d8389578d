"""Publish and receive announcements between services on core NATS."""

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
BELIEVED_FOR_S = 4.0  # a service that is silent for so long counts as gone

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Announcement)
_KINDS = {WorkerAlive: "worker", SchedulerAlive: "scheduler", ProjectedTo: "projected"}


async def announce(connection: Connection, announcement: Announcement) -> None:
    """Publish an announcement; it is lost if the server is away."""
    if not connection.is_connected:
        return  # nats-py would queue it, and send outdated ones later
    subject = subjects.announcement_subject(_KINDS[type(announcement)])
    try:
        await connection.client.publish(subject, _encoder.encode(announcement))
    except nats.errors.Error:
        return  # repeated within a second


async def listen(
    connection: Connection,
    kinds: tuple[type[WorkerAlive | SchedulerAlive | ProjectedTo], ...],
    on_announcement: Callable[[Announcement], Awaitable[None]],
) -> None:
    """Call ``on_announcement`` for these kinds as long as the connection lasts."""

    async def on_message(message: Msg) -> None:
        try:
            announcement = _decoder.decode(message.data)
        except UNREADABLE:
            return  # perhaps of a newer version; losing it is harmless
        await on_announcement(announcement)

    for kind in kinds:
        await connection.client.subscribe(
            subjects.announcement_subject(_KINDS[kind]), cb=on_message
        )
