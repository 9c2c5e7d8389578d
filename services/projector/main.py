"""The projector process: documents, announcements, and the clean-up of blobs.

Several on one projection share a lease: one works, the others stand by. If two worked, the store
would refuse the later one.
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
from services.projector.sweep.all_blobs import run_daily_sweeps
from services.projector.sweep.orphans import grace_for, run_orphan_sweeps

CHECK_EVERY_S = 0.2


async def run(settings: Settings, stop: Stop) -> None:
    """Project until ``stop``, while holding the lease.

    Raises:
        ValueError: a setting is wrong; it is named.
        Unavailable: no NATS server answers at the start.
        CannotStart: another projector uses the same instance name.
    """
    log = get_logger("projector")
    store = open_store(settings.store_url)
    artifacts = await reach_artifacts(settings.artifacts_url)
    connection = await connect_as("projector", settings.nats, log)
    events = WholeLog(connection, artifacts)
    watch = Watch(connection)

    async def project(ended: Stop) -> None:
        projector = Projector(events, store, lambda position: announce(connection, position), log)
        async with asyncio.TaskGroup() as tasks:
            orphan_sweeps = tasks.create_task(
                run_orphan_sweeps(
                    store,
                    artifacts,
                    grace_for(settings.attempt_timeout),
                    events=events,
                    watch=watch,
                    log=log,
                )
            )
            daily_sweeps = tasks.create_task(
                run_daily_sweeps(
                    store, artifacts, grace_for(settings.attempt_timeout), connection, log
                )
            )
            await projector.run(ended)
            await cancel_and_wait(orphan_sweeps, daily_sweeps)

    instance, part = settings.instance or uuid4().hex, projection_token(settings.store_url)
    leases = Leases(connection, role="projector", instance=instance, parts=[part], log=log)
    try:
        await watch.open()
        await _run_while_leased(leases, project, stop)
    except Displaced as reason:
        raise CannotStart(str(reason)) from reason
    finally:
        await connection.close()
        await store.close()


def projection_token(store_url: str) -> str:
    """Return the lease part for the projection at a store's address.

    Two addresses of one store give two tokens: then both project, and the store refuses one.
    """
    address = re.sub("//.*@", "//", store_url).partition("?")[0]
    if address.startswith("sqlite:"):
        # the same path on another machine is another projection
        address = f"{socket.gethostname()} {address}"
    return hashlib.sha256(address.encode()).hexdigest()[:16]


async def _run_while_leased(
    leases: Leases, work: Callable[[Stop], Awaitable[None]], stop: Stop
) -> None:
    """Start ``work`` each time the lease is won, and end it when it is lost."""
    renewal = asyncio.create_task(leases.maintain(stop))
    try:
        while not stop.is_set() and not renewal.done():
            if not leases.held:
                await leases.wait_for_change(CHECK_EVERY_S)
                continue
            ended = Stop()
            watcher = asyncio.create_task(_wait_until_lost(leases, stop, ended))
            await work(ended)
            await cancel_and_wait(watcher)
        await renewal
        # a standby takes over at once instead of after the lease expires
        await leases.leave()
    finally:
        await cancel_and_wait(renewal)


async def _wait_until_lost(leases: Leases, stop: Stop, ended: Stop) -> None:
    while leases.held and not stop.is_set():
        await leases.wait_for_change(CHECK_EVERY_S)
    ended.set()
