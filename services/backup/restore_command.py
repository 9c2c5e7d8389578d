"""``eventjob restore [--verify]``: verify a backup, and restore a deployment from it."""

import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from eventjob.artifacts.open_artifacts import reach_artifacts
from eventjob.artifacts.store import ArtifactsUnavailable, blob_path
from eventjob.bus.errors import Unavailable
from eventjob.bus.wire.connection import connect_as
from eventjob.contracts.base import UNREADABLE
from eventjob.projection.open_store import open_store
from eventjob.projection.store import StoreUnavailable
from eventjob.runtime.command_output import CommandOutput, format_megabytes, print_line
from eventjob.runtime.lifecycle import CannotStart, Stop
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Settings
from services.backup.blobs import LIST, read_list, sha256_of
from services.backup.manifest import Manifest, read_manifest
from services.backup.restore import check_empty, restore

MAX_LINES = 20


def check_backup(folder: Path, stop: Stop) -> Manifest:
    """Verify every byte of a backup and return its manifest; may raise `CannotStart`."""
    manifest = read_manifest(folder)
    started = time.monotonic()
    verify(folder, manifest, stop, CommandOutput())
    read_bytes = manifest.artifact_bytes + sum(file.size_bytes for file in manifest.files)
    print_line(
        f"the backup of {manifest.ended_at:%Y-%m-%d %H:%M:%S} UTC is whole: the log up to event "
        f"{manifest.last_sequence:,} and {manifest.artifacts:,} artifacts "
        f"({format_megabytes(read_bytes)} read in {time.monotonic() - started:.1f} s)"
    )
    for lost in manifest.missing:
        print_line(f"lost before the backup: artifact {lost.sha256}, named by {lost.named_by}")
    return manifest


async def run(
    settings: Settings, folder: Path, manifest: Manifest, stop: Stop, *, where: str
) -> None:
    """Restore the deployment of ``settings`` from the backup; ``where`` names it in messages.

    Raises:
        CannotStart: it failed, or the deployment is not empty.
        ValueError: a setting is wrong; it is named.
    """
    started = time.monotonic()
    async with AsyncExitStack() as stack:
        store = open_store(settings.store_url)
        stack.push_async_callback(store.close)
        try:
            connection = await connect_as("restore", settings.nats, get_logger("restore"))
            stack.push_async_callback(connection.close)
            await check_empty(connection, store, where)
            artifacts = await reach_artifacts(settings.artifacts_url)
            count = await restore(
                connection, artifacts, folder, manifest, stop=stop, report=CommandOutput()
            )
        except OSError as error:
            raise CannotStart(f"{error}; restore again") from error
        except (ArtifactsUnavailable, StoreUnavailable, Unavailable) as reason:
            raise CannotStart(f"{reason}; the deployment is incomplete, restore again") from reason
        except UNREADABLE as error:
            raise CannotStart(f"a file of the backup cannot be read: {error}") from error
    print_line(
        f"restored the log up to event {manifest.last_sequence:,}, {manifest.artifacts:,} "
        f"artifacts and {count:,} undecided commands in {time.monotonic() - started:.1f} s: "
        "start eventjob, which rebuilds everything else from them"
    )


def verify(folder: Path, manifest: Manifest, stop: Stop, report: Callable[[str], None]) -> None:
    """Read every byte; raise `CannotStart` naming each missing or changed file, 20 at most."""
    faults: list[str] = []
    for file in manifest.files:
        faults += _find_faults(folder, file.path, file.size_bytes, file.sha256)
    if not faults:  # else the list of artifacts may be wrong
        listed = read_list(folder / manifest.file(LIST).path)
        for done, (sha256, size_bytes) in enumerate(listed, 1):
            if stop.is_set():
                raise CannotStart("interrupted")
            faults += _find_faults(folder, blob_path(sha256), size_bytes, sha256)
            report(f"{done:,} of {manifest.artifacts:,} artifacts are as they were")
    if faults:
        more = f"; and {len(faults) - MAX_LINES:,} more" if len(faults) > MAX_LINES else ""
        raise CannotStart(
            f"the backup in {folder} is broken: {'; '.join(faults[:MAX_LINES])}{more}"
        )


def _find_faults(folder: Path, path: str, size_bytes: int, sha256: str) -> Iterator[str]:
    file = folder / path
    try:
        size = file.stat().st_size
        if not file.is_file():  # reading a pipe or device may never end
            yield f"{path} is no regular file"
        elif size != size_bytes:
            yield f"{path} has {size:,} bytes instead of {size_bytes:,}"
        elif sha256_of(file) != sha256:
            yield f"{path} is not what was written: its sha256 differs"
    except FileNotFoundError:
        yield f"{path} is missing"
    except OSError as error:
        yield f"{path} cannot be read: {error.strerror}"
