"""The projector as a process: documents, announcements, and the clean-up of blobs.

Of several on one projection, one works and the others stand by. Were two at work after all, the
store would refuse the one that is behind.
"""

import asyncio
import hashlib
import re
import socket
from collections.abc import Awaitable, Callable
from uuid import uuid4

from eventjob.artifacts.open_artifacts import reach_artifacts
from eventjob.bus.buckets.leases import Displaced, Leases
from eventjob.bus.roles.announcements import announce
from eventjob.bus.roles.watch import Watch
from eventjob.bus.wire.connection import connect_as
from eventjob.projection.open_store import open_store
from eventjob.retired.whole_log import WholeLog
from eventjob.runtime.async_tasks import cancel_and_wait
from eventjob.runtime.lifecycle import CannotStart, Stop
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Settings
from services.projector.projector import Projector
from services.projector.sweep.all_blobs import keep_sweeping_all
from services.projector.sweep.orphans import grace_for, keep_sweeping

LOOK_EVERY_S = 0.2


async def run(settings: Settings, stop: Stop) -> None:
    """Project until ``stop``, whenever no other projector does.

    Raises:
        ValueError: a setting is wrong; it is named.
        Unavailable: there is no NATS server to begin with.
        CannotStart: another projector goes by the same name.
    """
    log = get_logger("projector")
    store = open_store(settings.store_url)
    artifacts = await reach_artifacts(settings.artifacts_url)
    connection = await connect_as("projector", settings.nats, log)
    events = WholeLog(connection, artifacts)
    watch = Watch(connection)

    async def project(over: Stop) -> None:
        projector = Projector(events, store, lambda said: announce(connection, said), log)
        async with asyncio.TaskGroup() as tasks:
            sweeping = tasks.create_task(
                keep_sweeping(
                    store,
                    artifacts,
                    grace_for(settings.attempt_timeout),
                    events=events,
                    watch=watch,
                    log=log,
                )
            )
            sweeping_all = tasks.create_task(
                keep_sweeping_all(
                    store, artifacts, grace_for(settings.attempt_timeout), connection, log
                )
            )
            await projector.run(over)
            await cancel_and_wait(sweeping, sweeping_all)

    instance, part = settings.instance or uuid4().hex, token_of(settings.store_url)
    leases = Leases(connection, role="projector", instance=instance, parts=[part], log=log)
    try:
        await watch.open()
        await _whenever_held(leases, project, stop)
    except Displaced as reason:
        raise CannotStart(str(reason)) from reason
    finally:
        await connection.close()
        await store.close()


def token_of(store_url: str) -> str:
    """The projection that a store's address leads to, as a part of a lease.

    Two addresses of one store make two tokens: then both project, and the store tells them apart.
    """
    address = re.sub("//.*@", "//", store_url).partition("?")[0]
    if address.startswith("sqlite:"):
        address = f"{socket.gethostname()} {address}"
    return hashlib.sha256(address.encode()).hexdigest()[:16]


async def _whenever_held(
    leases: Leases, work: Callable[[Stop], Awaitable[None]], stop: Stop
) -> None:
    """Begin ``work`` each time that the lease is won, and end it when it is lost."""
    owning = asyncio.create_task(leases.maintain(stop))
    try:
        while not stop.is_set() and not owning.done():
            if not leases.held:
                await leases.wait_for_change(LOOK_EVERY_S)
                continue
            over = Stop()
            watching = asyncio.create_task(_until_lost(leases, stop, over))
            await work(over)
            await cancel_and_wait(watching)
        await owning
        await leases.leave()
    finally:
        await cancel_and_wait(owning)


async def _until_lost(leases: Leases, stop: Stop, over: Stop) -> None:
    while leases.held and not stop.is_set():
        await leases.wait_for_change(LOOK_EVERY_S)
    over.set()
