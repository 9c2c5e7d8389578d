"""A batch's ZIP, from the bundles that the batch's events name."""

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
from services.archiver.zip_layout import SessionFiles, arranged
from services.archiver.zipper import store_zip

COPIES = 2  # the ZIP as it is written, and as it is stored, perhaps on the same disk
FILENAME = "batch.zip"  # whoever sends it knows the batch's name

_sessions = msgspec.json.Decoder(SessionFiles)


class Events(Protocol):
    """The event log, as far as it is needed here; raises `eventjob.bus.errors.Unavailable`."""

    async def last_sequence(self) -> int:
        """The newest event's sequence."""

    def read_with_jobs(self, group: str) -> AsyncGenerator[list[RecordedEvent]]:
        """All events of a group and of its jobs, oldest first, in stretches."""


class CannotPack(Exception):
    """No job of the batch has a result any more, or the ZIP would not fit on the disk."""


class BatchZipPacker:
    """Builds the ZIPs of batches, one at a time: those of jobs must not wait for them."""

    def __init__(
        self, *, artifacts: Artifacts, events: Events, folder: Path, min_free_bytes: int
    ) -> None:
        self._artifacts = artifacts
        self._events = events
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._turn = asyncio.Lock()

    async def pack(self, task: PackBatch) -> BatchPacked:
        """The stored ZIP of all that is completed: the same results give the same bytes.

        Raises:
            CannotPack: there is nothing, or no room.
            Unavailable: the log cannot be read.
            BrokenMember, ArtifactMissing, ArtifactsUnavailable, ValueError, OSError: as the store
                and `build_zip`.
        """
        async with self._turn:
            content = await self._content(task.group)
            if not content.bundles:
                raise CannotPack("no job of the batch is completed any more")
            bundles = content.bundles.values()
            sessions = arranged([await self._session(sha256) for sha256 in bundles])
            files = [file for session in sessions for file in session.files]
            self._check_room(files)
            readme = batch_readme(content.title, sessions, content.failures)
            built = await store_zip(self._artifacts, files, readme, self._folder, FILENAME)
        return BatchPacked(
            group=task.group, attempt=task.attempt, zip=built, content=content.sequence
        )

    async def _content(self, group: str) -> BatchContent:
        """What is completed by now; a batch and its jobs are read one after the other."""
        content = BatchContent()
        until = await self._events.last_sequence()
        async with aclosing(self._events.read_with_jobs(group)) as stretches:
            async for stretch in stretches:
                for record in stretch:
                    if record.sequence <= until:
                        content.evolve(record)
        return content

    async def _session(self, bundle_sha256: str) -> SessionFiles:
        return _sessions.decode(await self._artifacts.get(bundle_sha256))

    def _check_room(self, files: list[FileRef]) -> None:
        wanted = sum(file.size_bytes for file in files) * COPIES + self._min_free_bytes
        if shutil.disk_usage(self._folder).free < wanted:
            raise CannotPack(f"the ZIP needs {wanted} bytes on the disk, and they are not free")
