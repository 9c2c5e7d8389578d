"""`eventjob restore`: a process that checks a backup, and makes a deployment of it."""

import time
from contextlib import AsyncExitStack
from pathlib import Path

from eventjob.artifacts.opening import reach_artifacts
from eventjob.artifacts.store import ArtifactsUnavailable
from eventjob.bus.errors import Unavailable
from eventjob.bus.wire.connection import connect_as
from eventjob.contracts.base import UNREADABLE
from eventjob.projection.open_store import open_store
from eventjob.projection.store import StoreUnavailable
from eventjob.runtime.lifecycle import CannotStart, Stop
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Settings
from eventjob.runtime.speaking import say
from services.backup.manifest import Manifest, read_manifest
from services.backup.restore import check_empty, restore
from services.backup.speaking import Voice, mb
from services.backup.verify import verify


def checked(folder: Path, stop: Stop) -> Manifest:
    """The manifest of a backup of which every byte is as it was.

    Raises:
        CannotStart: it is not, or there is none, or a newer eventjob wrote it.
    """
    manifest = read_manifest(folder)
    started = time.monotonic()
    verify(folder, manifest, stop, Voice())
    read_bytes = manifest.artifact_bytes + sum(file.size_bytes for file in manifest.files)
    say(
        f"the backup of {manifest.ended_at:%Y-%m-%d %H:%M:%S} UTC is whole: the log up to event "
        f"{manifest.last_sequence:,} and {manifest.artifacts:,} artifacts "
        f"({mb(read_bytes)} read in {time.monotonic() - started:.1f} s)"
    )
    for lost in manifest.missing:
        say(f"lost before it was made: artifact {lost.sha256}, named by {lost.named_by}")
    return manifest


async def run(
    settings: Settings, folder: Path, manifest: Manifest, stop: Stop, *, where: str
) -> None:
    """Make the deployment of ``settings`` what the backup is; ``where`` is its name to people.

    Raises:
        CannotStart: it could not be done, or something is there already.
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
            count = await restore(connection, artifacts, folder, manifest, stop=stop, tell=Voice())
        except OSError as error:
            raise CannotStart(f"{error}; restore again") from error
        except (ArtifactsUnavailable, StoreUnavailable, Unavailable) as reason:
            raise CannotStart(f"{reason}; what is there is not whole, restore again") from reason
        except UNREADABLE as error:
            raise CannotStart(f"a file of the backup cannot be read: {error}") from error
    say(
        f"restored the log up to event {manifest.last_sequence:,}, {manifest.artifacts:,} "
        f"artifacts and {count:,} undecided commands in {time.monotonic() - started:.1f} s: "
        "start eventjob, which makes all else from them"
    )
