"""The projector as a process: documents, announcements, and the clean-up of blobs."""

import asyncio

from eventjob.artifacts.store import open_artifacts
from eventjob.bus.announcements import announce
from eventjob.bus.connection import connect_as
from eventjob.bus.log import EventLog
from eventjob.bus.watch import Watch
from eventjob.runtime.lifecycle import Stop
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Settings
from eventjob.runtime.tasks import end
from services.api.projector import Projector
from services.api.store_open import open_store
from services.api.sweeper import grace_for, keep_sweeping


async def run(settings: Settings, stop: Stop) -> None:
    """Project until ``stop``.

    Raises:
        ValueError: a setting is wrong; it is named.
        Unavailable: there is no NATS server to begin with.
    """
    log = get_logger("projector")
    store = open_store(settings.store_url)
    artifacts = open_artifacts(settings.artifacts_url)
    connection = await connect_as("projector", settings.nats, log)
    events = EventLog(connection)
    watch = Watch(connection)
    projector = Projector(events, store, lambda said: announce(connection, said), log)
    try:
        await watch.open()
        async with asyncio.TaskGroup() as tasks:
            sweeping = tasks.create_task(
                keep_sweeping(
                    store,
                    artifacts,
                    grace_for(settings.attempt_timeout),
                    events=events,
                    projection=watch,
                    log=log,
                )
            )
            await projector.run(stop)
            await end(sweeping)
    finally:
        await connection.close()
        await store.close()
