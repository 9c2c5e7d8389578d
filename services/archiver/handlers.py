"""What the archiver does with a task."""

import tempfile
from pathlib import Path
from typing import Protocol

import msgspec

from eventjob.artifacts.store import ArtifactMissing, ArtifactsUnavailable
from eventjob.bus.errors import Poison, Unavailable
from eventjob.contracts.base import FileRef, JobError
from eventjob.contracts.work import ArchiveBuilt, BuildArchive, Bundle, Task, WorkFailed
from services.archiver import zipper
from services.archiver.zipper import BrokenMember, build_zip, session_readme

_bundles = msgspec.json.Decoder(Bundle)


class Artifacts(zipper.Artifacts, Protocol):
    """Where bundles come from, and where ZIPs go."""

    async def get(self, sha256: str) -> bytes:
        """The whole blob."""

    async def put_file(self, path: Path, sha256: str | None = None) -> str:
        """Store a file; its sha256."""


class Archiver:
    """Builds each ZIP in a folder of its own, which is gone afterwards."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts

    async def handle(self, task: Task) -> ArchiveBuilt | WorkFailed:
        """The ZIP of a session, stored.

        A blob that is missing fails the attempt: the next one fetches and stores it again.

        Raises:
            Unavailable: the artifacts or the disk are away, or full; the task comes back.
            Poison: not a task for an archiver.
        """
        if not isinstance(task, BuildArchive):
            raise Poison(f"the archiver was asked for {type(task).__name__}")
        try:
            archive = await self._build(task.bundle)
        except (ArtifactMissing, BrokenMember, ValueError, msgspec.MsgspecError) as error:
            return _failed(task, str(error), transient=not isinstance(error, ValueError))
        except (ArtifactsUnavailable, OSError) as error:
            raise Unavailable(f"the ZIP cannot be built now: {error}") from error
        return ArchiveBuilt(group=task.group, n=task.n, attempt=task.attempt, archive=archive)

    async def _build(self, sha256: str) -> FileRef:
        bundle = _bundles.decode(await self._artifacts.get(sha256))
        paths = [file.path for file in bundle.files]
        readme = session_readme(bundle.event, bundle.track, bundle.title, paths)
        with tempfile.TemporaryDirectory(prefix="eventjob-zip-") as folder:
            target = Path(folder) / "session.zip"
            built = await build_zip(self._artifacts, bundle.files, readme, target)
            await self._artifacts.put_file(built.path, built.sha256)
        return FileRef(
            path=bundle.archive_filename,
            sha256=built.sha256,
            size_bytes=built.size_bytes,
            media_type="application/zip",
        )


def _failed(task: BuildArchive, reason: str, *, transient: bool) -> WorkFailed:
    return WorkFailed(
        group=task.group,
        n=task.n,
        attempt=task.attempt,
        task="archive",
        error=JobError(code="archive_failed", message=reason),
        transient=transient,
    )
