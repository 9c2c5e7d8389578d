"""A process that takes the place of processor and archiver, and answers every task at once.

All its sessions are the same one, which it stores at its start. Prints one line, the reading of
the monotonic clock, when its first task has come.
"""

import asyncio
import os
import sys
import time

import msgspec

from eventjob.artifacts.open_artifacts import open_artifacts
from eventjob.artifacts.store import Artifacts
from eventjob.bus.roles.worker import Worker
from eventjob.bus.wire.connection import connect_as
from eventjob.contracts.base import FileRef
from eventjob.contracts.work import (
    ArchiveBuilt,
    BuildArchive,
    Bundle,
    FetchSession,
    SessionFetched,
    Task,
)
from eventjob.runtime.lifecycle import Stop, run_service
from eventjob.runtime.logs import get_logger, set_up_logs
from eventjob.runtime.settings import Settings, read_settings

CAPACITY = 1000
MARKDOWN = b"---\nschema: event-session/1\n---\n\n# A session\n\n" + b"It was about work. " * 20


class Answers:
    """What becomes of every task."""

    def __init__(self, bundle: str, markdown: FileRef, archive: FileRef) -> None:
        self._bundle = bundle
        self._markdown = markdown
        self._archive = archive
        self._is_first = True

    async def fetched(self, task: Task) -> SessionFetched:
        if self._is_first:
            self._is_first = False
            sys.stdout.write(f"{time.monotonic()}\n")
            sys.stdout.flush()
        assert isinstance(task, FetchSession)
        return SessionFetched(
            group=task.group,
            n=task.n,
            attempt=task.attempt,
            bundle=self._bundle,
            files=[self._markdown],
        )

    async def archived(self, task: Task) -> ArchiveBuilt:
        assert isinstance(task, BuildArchive)
        return ArchiveBuilt(group=task.group, n=task.n, attempt=task.attempt, archive=self._archive)


async def stored(artifacts: Artifacts) -> Answers:
    """The answers, once what they name lies in the store."""
    markdown = await _file(artifacts, "Benchmark/Track/session.md", MARKDOWN, "text/markdown")
    bundle = Bundle(
        title="A session",
        event="Benchmark",
        track="Track",
        target_dir="Benchmark/Track",
        asset_dir="Benchmark/Track/session",
        archive_filename="session.zip",
        markdown_file=markdown.path,
        files=[markdown],
        web_text=MARKDOWN.decode(),
        structured_data=msgspec.Raw(b"{}"),
    )
    archive = await _file(artifacts, "session.zip", b"PK", "application/zip")
    return Answers(await artifacts.put(msgspec.json.encode(bundle)), markdown, archive)


async def _file(artifacts: Artifacts, path: str, data: bytes, media_type: str) -> FileRef:
    sha256 = await artifacts.put(data)
    return FileRef(path=path, sha256=sha256, size_bytes=len(data), media_type=media_type)


async def work(settings: Settings, stop: Stop) -> None:
    log = get_logger("worker")
    answers = await stored(open_artifacts(settings.artifacts_url))
    connection = await connect_as("worker", settings.nats, log)
    try:
        async with asyncio.TaskGroup() as group:
            for kind, handler in (("fetch", answers.fetched), ("archive", answers.archived)):
                worker = Worker(
                    connection,
                    name=f"instant-{kind}",
                    kind=kind,
                    capacity=CAPACITY,
                    handler=handler,
                    log=log,
                )
                group.create_task(worker.run(stop))
    finally:
        await connection.close()


if __name__ == "__main__":
    settings = read_settings(os.environ)
    set_up_logs("worker", settings.log_level)
    sys.exit(
        run_service("worker", lambda stop: work(settings, stop), parent_pipe=settings.parent_pipe)
    )
