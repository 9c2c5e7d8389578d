"""Turn a ZIP task into an outcome: a stored ZIP, or the reason for the failure."""

import asyncio
import errno
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from eventjob.artifacts.store import ArtifactMissing, Artifacts, ArtifactsUnavailable
from eventjob.bus.errors import Poison, Unavailable
from eventjob.contracts.base import UNREADABLE, FileRef, JobError, LogLine
from eventjob.contracts.work import (
    ArchiveBuilt,
    BatchPacked,
    BuildArchive,
    Bundle,
    PackBatch,
    Task,
    WorkFailed,
)
from eventjob.runtime.logs import Logger
from services.archiver.batch_zip import BatchZipPacker, CannotPack, EventLog
from services.archiver.readme import session_readme
from services.archiver.zipper import BrokenMember, store_zip

DISK_PAUSE = timedelta(seconds=15)  # until the task is delivered again
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_bundles = msgspec.json.Decoder(Bundle)


class ZipHandler:
    """Answers a `BuildArchive` or a `PackBatch` with an outcome."""

    def __init__(
        self,
        *,
        artifacts: Artifacts,
        events: EventLog,
        folder: Path,
        min_free_bytes: int,
        clock: Callable[[], datetime],
        log: Logger,
    ) -> None:
        self._artifacts = artifacts
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._clock = clock
        self._log = log
        self._packer = BatchZipPacker(
            artifacts=artifacts, events=events, folder=folder, min_free_bytes=min_free_bytes
        )

    async def __call__(self, task: Task) -> ArchiveBuilt | BatchPacked | WorkFailed:
        """Return the outcome of ``task``; a repeat is safe: the same bundles give the same bytes.

        Raises:
            Unavailable: log, artifact store or disk is away.
            Poison: the task is of another kind.
        """
        if not isinstance(task, BuildArchive | PackBatch):
            raise Poison(f"not a task for an archiver: {type(task).__name__}")
        self._check_disk()
        left_s = (task.deadline - self._clock()).total_seconds()
        try:
            async with asyncio.timeout(max(left_s, 0.0)):  # later, the scheduler counts it as lost
                outcome = await self._build(task)
        except TimeoutError:
            return self._fail(task, "not done before the attempt's deadline", transient=True)
        except (ArtifactMissing, BrokenMember, CannotPack) as reason:
            return self._fail(task, str(reason), transient=True)
        except (ValueError, *UNREADABLE) as reason:  # a retry would read the same bundle
            return self._fail(task, f"the bundle is wrong: {reason}", transient=False)
        except ArtifactsUnavailable as error:
            raise Unavailable(f"artifacts: {error}") from error
        except OSError as error:
            if error.errno not in _DISK_FULL:
                raise
            raise Unavailable(f"disk: {error.strerror}", DISK_PAUSE) from error
        zip_ref = outcome.zip if isinstance(outcome, BatchPacked) else outcome.archive
        self._log.info("archive.built", group=task.group, n=task.n, size_bytes=zip_ref.size_bytes)
        return outcome

    async def _build(self, task: BuildArchive | PackBatch) -> ArchiveBuilt | BatchPacked:
        if isinstance(task, PackBatch):
            return await self._packer.pack(task)
        zip_ref = await self._build_session_zip(task.bundle)
        return ArchiveBuilt(group=task.group, n=task.n, attempt=task.attempt, archive=zip_ref)

    async def _build_session_zip(self, bundle_sha256: str) -> FileRef:
        bundle = _bundles.decode(await self._artifacts.get(bundle_sha256))
        paths = [file.path for file in bundle.files]
        readme = session_readme(bundle.event, bundle.track, bundle.title, paths)
        name = bundle.archive_filename
        return await store_zip(self._artifacts, bundle.files, readme, self._folder, name)

    def _fail(self, task: BuildArchive | PackBatch, reason: str, *, transient: bool) -> WorkFailed:
        self._log.warning("archive.failed", group=task.group, n=task.n, reason=reason)
        line = LogLine(timestamp=self._clock(), level="error", message=reason)
        return WorkFailed(
            group=task.group,
            n=task.n,
            attempt=task.attempt,
            task="archive",
            error=JobError(code="archive_failed", message=reason),
            transient=transient,
            log=[line],
        )

    def _check_disk(self) -> None:
        free_bytes = shutil.disk_usage(self._folder).free
        if free_bytes < self._min_free_bytes:
            raise Unavailable(f"only {free_bytes} bytes are left on the disk", DISK_PAUSE)
