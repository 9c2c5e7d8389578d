"""The archiver as a process."""

from uuid import uuid4

from eventjob.artifacts.store import open_artifacts
from eventjob.bus.connection import connect_as
from eventjob.bus.worker import Worker
from eventjob.runtime.lifecycle import Stop
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Settings
from services.archiver.handlers import Archiver

CAPACITY = 4  # ZIPs at a time: it is the disk that is busy


async def run(settings: Settings, stop: Stop) -> None:
    """Build ZIPs until ``stop``.

    Raises:
        ValueError: the artifacts' address is wrong; the setting is named.
        Unavailable: there is no NATS server to begin with.
    """
    log = get_logger("archiver")
    archiver = Archiver(open_artifacts(settings.artifacts_url))
    connection = await connect_as("archiver", settings.nats, log)
    worker = Worker(
        connection,
        name=f"archiver-{uuid4().hex}",
        kind="archive",
        capacity=CAPACITY,
        handler=archiver.handle,
        log=log,
    )
    try:
        await worker.run(stop)
    finally:
        await connection.close()
