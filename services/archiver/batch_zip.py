"""Build a batch's ZIP from the bundles that the batch's events name."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Protocol

import msgspec

from eventjob.artifacts.store import Artifacts
from eventjob.contracts.base import FileRef
from eventjob.contracts.work import BatchPacked, PackBatch
from eventjob.domain.batch_content import BatchContent
from eventjob.domain.recorded_event import RecordedEvent
from services.archiver.readme import batch_readme
from services.archiver.zip_layout import SessionFiles, arrange_sessions
from services.archiver.zipper import store_zip

ZIP_COPIES = 2  # as written and as stored: perhaps on one disk
FILENAME = "batch.zip"  # the api sends it under the batch's name

_sessions = msgspec.json.Decoder(SessionFiles)


class EventLog(Protocol):
    """The part of the event log that is used here; raises `eventjob.bus.errors.Unavailable`."""

    async def last_sequence(self) -> int:
        """Return the newest event's sequence."""

    def read_with_jobs(self, group: str) -> AsyncGenerator[list[RecordedEvent]]:
        """Yield all events of a group and of its jobs, oldest first, in chunks."""


class CannotPack(Exception):
    """The batch has lost all its results, or the ZIP exceeds the free disk space."""


class BatchZipPacker:
    """Builds the ZIPs of batches, one at a time: they take minutes, those of jobs milliseconds."""

    def __init__(
        self, *, artifacts: Artifacts, events: EventLog, folder: Path, min_free_bytes: int
    ) -> None:
        self._artifacts = artifacts
        self._events = events
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._lock = asyncio.Lock()

    async def pack(self, task: PackBatch) -> BatchPacked:
        """Build and store the ZIP of all completed jobs; the same results give the same bytes.

        Raises:
            CannotPack: see there.
            Unavailable: the log cannot be read.
            BrokenMember, ArtifactMissing, ArtifactsUnavailable, ValueError, OSError: as the store
                and `build_zip`.
        """
        async with self._lock:  # one at a time bounds memory and disk
            content = await self._read_content(task.group)
            if not content.bundles:
                raise CannotPack("no job of the batch is completed any more")
            bundles = content.bundles.values()
            sessions = arrange_sessions([await self._read_session(sha256) for sha256 in bundles])
            files = [file for session in sessions for file in session.files]
            self._check_disk_space(files)
            readme = batch_readme(content.title, sessions, content.failures)
            zip_ref = await store_zip(self._artifacts, files, readme, self._folder, FILENAME)
        return BatchPacked(
            group=task.group, attempt=task.attempt, zip=zip_ref, content=content.sequence
        )

    async def _read_content(self, group: str) -> BatchContent:
        """Fold the batch's events up to now."""
        content = BatchContent()
        last = await self._events.last_sequence()  # batch and jobs are read one after the other
        async with aclosing(self._events.read_with_jobs(group)) as stretches:
            async for stretch in stretches:
                for record in stretch:
                    if record.sequence <= last:
                        content.evolve(record)
        return content

    async def _read_session(self, bundle_sha256: str) -> SessionFiles:
        return _sessions.decode(await self._artifacts.get(bundle_sha256))

    def _check_disk_space(self, files: list[FileRef]) -> None:
        needed_bytes = sum(file.size_bytes for file in files) * ZIP_COPIES + self._min_free_bytes
        if shutil.disk_usage(self._folder).free < needed_bytes:
            raise CannotPack(f"the ZIP needs {needed_bytes} bytes on the disk, which are not free")
