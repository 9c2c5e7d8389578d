"""A process that takes the place of processor and archiver, and answers every task at once.

All its sessions are the same one, which it stores at its start. Prints one line, the reading of
the monotonic clock, when its first task has come.
"""

import asyncio
import os
import sys
import time
from typing import Any

import msgspec

from eventjob.artifacts.open_artifacts import open_artifacts
from eventjob.bus.roles.worker import Worker
from eventjob.bus.wire.connection import connect_as
from eventjob.contracts.base import FileRef
from eventjob.contracts.work import ArchiveBuilt, Bundle, SessionFetched, Task
from eventjob.runtime.lifecycle import Stop, run_service
from eventjob.runtime.logs import get_logger, set_up_logs
from eventjob.runtime.settings import Settings, read_settings

CAPACITY = 1000
MARKDOWN = b"---\nschema: event-session/1\n---\n\n# A session\n\n" + b"It was about work. " * 20


async def work(settings: Settings, stop: Stop) -> None:
    log, artifacts, has_said = get_logger("worker"), open_artifacts(settings.artifacts_url), False

    async def stored(path: str, data: bytes, media_type: str) -> FileRef:
        sha256 = await artifacts.put(data)
        return FileRef(path=path, sha256=sha256, size_bytes=len(data), media_type=media_type)

    async def fetch(task: Task) -> SessionFetched:
        nonlocal has_said
        if not has_said:
            has_said = True
            print(time.monotonic(), flush=True)
        return SessionFetched(**where(task), bundle=bundle, files=[markdown])

    async def archive(task: Task) -> ArchiveBuilt:
        return ArchiveBuilt(**where(task), archive=zipped)

    markdown = await stored("Benchmark/Track/s.md", MARKDOWN, "text/markdown")
    zipped = await stored("s.zip", b"PK", "application/zip")
    bundle = await artifacts.put(msgspec.json.encode(bundle_of(markdown)))
    connection = await connect_as("worker", settings.nats, log)
    try:
        async with asyncio.TaskGroup() as group:
            for handler in (fetch, archive):
                kind = handler.__name__
                about = {"name": f"instant-{kind}", "kind": kind, "capacity": CAPACITY}
                worker = Worker(connection, **about, handler=handler, log=log)
                group.create_task(worker.run(stop))
    finally:
        await connection.close()


def where(task: Task) -> dict[str, Any]:
    return {"group": task.group, "n": task.n, "attempt": task.attempt}


def bundle_of(markdown: FileRef) -> Bundle:
    return Bundle(
        title="A session",
        event="Benchmark",
        track="Track",
        target_dir="Benchmark/Track",
        asset_dir="Benchmark/Track/s",
        archive_filename="s.zip",
        markdown_file=markdown.path,
        files=[markdown],
        web_text=MARKDOWN.decode(),
        structured_data=msgspec.Raw(b"{}"),
    )


if __name__ == "__main__":
    settings = read_settings(os.environ)
    set_up_logs("worker", settings.log_level)
    sys.exit(
        run_service("worker", lambda stop: work(settings, stop), parent_pipe=settings.parent_pipe)
    )
