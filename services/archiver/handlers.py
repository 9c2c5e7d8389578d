"""What becomes of a task: the ZIP of a session's bundle, or the reason why there is none."""

import asyncio
import errno
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from eventjob.artifacts.store import ArtifactMissing, Artifacts, ArtifactsUnavailable
from eventjob.bus.errors import Poison, Unavailable
from eventjob.contracts.base import FileRef, JobError, LogLine
from eventjob.contracts.work import ArchiveBuilt, BuildArchive, Bundle, Outcome, Task, WorkFailed
from eventjob.runtime.logs import Logger
from services.archiver.zipper import BrokenMember, build_zip, session_readme

DISK_PAUSE = timedelta(seconds=15)
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_bundles = msgspec.json.Decoder(Bundle)


class ArchiveHandler:
    """Answers a `BuildArchive` with an outcome."""

    def __init__(
        self,
        *,
        artifacts: Artifacts,
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

    async def __call__(self, task: Task) -> Outcome:
        """The outcome of ``task``; safe to run twice: the same bundle gives the same bytes.

        Raises:
            Unavailable: artifact store or disk cannot do their part.
            Poison: it is no task of ours.
        """
        if not isinstance(task, BuildArchive):
            raise Poison(f"an archiver builds archives, and knows no {type(task).__name__}")
        self._check_disk()
        left_s = (task.deadline - self._clock()).total_seconds()
        try:
            async with asyncio.timeout(max(left_s, 0.0)):
                archive = await self._built(task.bundle)
        except TimeoutError:
            return self._failed(task, "not done before the attempt's deadline", transient=True)
        except (ArtifactMissing, BrokenMember) as reason:
            return self._failed(task, str(reason), transient=True)
        except (msgspec.MsgspecError, ValueError) as reason:
            return self._failed(task, f"the bundle is wrong: {reason}", transient=False)
        except ArtifactsUnavailable as error:
            raise Unavailable(f"artifacts: {error}") from error
        except OSError as error:
            if error.errno not in _DISK_FULL:
                raise
            raise Unavailable(f"disk: {error.strerror}", DISK_PAUSE) from error
        self._log.info("archive.built", job_id=task.job_id, size_bytes=archive.size_bytes)
        return ArchiveBuilt(group=task.group, n=task.n, attempt=task.attempt, archive=archive)

    async def _built(self, bundle_sha256: str) -> FileRef:
        bundle = _bundles.decode(await self._artifacts.get(bundle_sha256))
        paths = [file.path for file in bundle.files]
        readme = session_readme(bundle.event, bundle.track, bundle.title, paths)
        with TemporaryDirectory(dir=self._folder) as folder:
            target = Path(folder) / "archive.zip"
            built = await build_zip(self._artifacts, bundle.files, readme, target)
            await self._artifacts.put_file(built.path, built.sha256)
        return FileRef(
            path=bundle.archive_filename,
            sha256=built.sha256,
            size_bytes=built.size_bytes,
            media_type="application/zip",
        )

    def _failed(self, task: BuildArchive, reason: str, *, transient: bool) -> WorkFailed:
        self._log.warning("archive.failed", job_id=task.job_id, reason=reason)
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
