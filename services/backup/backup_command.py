"""``eventjob backup``: take a backup, print progress and the result."""

import shutil
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

from eventjob.artifacts.open_artifacts import reach_artifacts
from eventjob.artifacts.store import ArtifactsUnavailable
from eventjob.bus.errors import Poison, Unavailable
from eventjob.bus.wire.connection import connect_as
from eventjob.runtime import clock
from eventjob.runtime.command_output import CommandOutput, format_megabytes, print_line
from eventjob.runtime.lifecycle import CannotStart, Stop
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Settings
from services.backup import folder as folders
from services.backup.backup import Backup
from services.backup.blobs import remove_unreferenced
from services.backup.manifest import Manifest


async def run(settings: Settings, folder: Path, stop: Stop) -> None:
    """Back up the deployment of ``settings`` into ``folder``.

    Raises:
        CannotStart: it failed, and an earlier backup stays valid; or the backup is valid, but the
            store has lost artifacts.
        ValueError: a setting is wrong; it is named.
    """
    with folders.lock_folder(folder):
        try:
            manifest = await _backup(settings, folder, stop)
        except OSError as error:
            raise CannotStart(f"backup folder {folder}: {error.strerror}") from error
        except (ArtifactsUnavailable, Poison, Unavailable) as reason:
            raise CannotStart(f"{reason}; there is no new backup") from reason
    if manifest.missing:
        for lost in manifest.missing:
            sys.stderr.write(f"lost: artifact {lost.sha256}, named by {lost.named_by}\n")
        raise CannotStart(
            f"the backup is valid, but {len(manifest.missing)} artifacts were lost before: they "
            "are missing in the artifact store and in the backup"
        )


async def _backup(settings: Settings, folder: Path, stop: Stop) -> Manifest:
    started_at, started = clock.now(), time.monotonic()
    run_name = f"{folders.LOG_PREFIX}{started_at:%Y%m%dT%H%M%S.%fZ}"
    async with AsyncExitStack() as stack:
        connection = await connect_as("backup", settings.nats, get_logger("backup"))
        stack.push_async_callback(connection.close)
        backup = Backup(
            connection,
            await reach_artifacts(settings.artifacts_url),
            folder,
            run_name,
            stop=stop,
            report=CommandOutput(),
        )
        try:
            manifest = await backup.create(started_at)
        # a failed run leaves nothing but artifacts, which the next run reuses
        except BaseException:
            shutil.rmtree(folder / run_name, ignore_errors=True)
            raise
        # on disk before the manifest that makes it valid; only then older files go
        folders.sync_folder(folder / run_name)
        folders.publish_manifest(folder, manifest)
        folders.remove_other_logs(folder, run_name)
        remove_unreferenced(folder, backup.references)
        shutil.rmtree(folder / run_name / "names")
    seconds = time.monotonic() - started
    print_line(
        f"backed up the log up to event {manifest.last_sequence:,} and {manifest.artifacts:,} "
        f"artifacts with {format_megabytes(manifest.artifact_bytes)} "
        f"({backup.new_artifacts:,} of them new) in {seconds:.1f} s: {folder}"
    )
    return manifest
