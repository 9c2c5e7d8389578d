"""The archiver process: wiring and run."""

from uuid import uuid4

from eventjob.artifacts.open_artifacts import reach_artifacts
from eventjob.bus.roles.worker import Worker
from eventjob.bus.wire.connection import connect_as
from eventjob.retired.whole_log import WholeLog
from eventjob.runtime.clock import now
from eventjob.runtime.lifecycle import Stop
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Settings
from eventjob.runtime.workspace import workspace
from services.archiver.handlers import ZipHandler

CAPACITY = 8  # ZIPs at a time: one is compressed while another is read


async def run(settings: Settings, stop: Stop) -> None:
    """Build ZIPs until ``stop``.

    Raises:
        ValueError: names the wrong setting.
        Unavailable: NATS cannot be reached at the start.
    """
    log = get_logger("archiver")
    artifacts = await reach_artifacts(settings.artifacts_url)
    connection = await connect_as("archiver", settings.nats, log)
    try:
        with workspace(settings.data_dir / "work") as folder:
            handler = ZipHandler(
                artifacts=artifacts,
                events=WholeLog(connection, artifacts),
                folder=folder,
                min_free_bytes=settings.min_free_bytes,
                clock=now,
                log=log,
            )
            worker = Worker(
                connection,
                name=f"archiver-{uuid4().hex[:8]}",
                kind="archive",
                capacity=CAPACITY,
                handler=handler,
                log=log,
            )
            await worker.run(stop)
    finally:
        await connection.close()
