"""A backup into a deployment that has nothing yet: artifacts first, the log last."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from eventjob.artifacts.store import CHUNK_BYTES, Artifacts, blob_path
from eventjob.bus import subjects
from eventjob.bus.backup import restore_streams
from eventjob.bus.log import raw
from eventjob.bus.log.raw import StoredMessage
from eventjob.bus.roles.announcements import listen
from eventjob.bus.streams import topology
from eventjob.bus.wire.connection import Connection
from eventjob.contracts.announcements import (
    Announcement,
    ProjectedTo,
    SchedulerAlive,
    WorkerAlive,
)
from eventjob.projection.store import Store
from eventjob.runtime.lifecycle import CannotStart, Stop
from services.backup.backup import COMMANDS, EVENTS, PARKED, TAIL
from services.backup.blobs import LIST, read_list
from services.backup.folder import chunks
from services.backup.manifest import Manifest

AT_ONCE = 32
SPEAKERS = (SchedulerAlive, ProjectedTo, WorkerAlive)
SILENT_FOR_S = 1.5  # services say every second that they are there


async def check_empty(connection: Connection, store: Store, where: str) -> None:
    """Whether nothing is lost by a restore.

    Raises:
        CannotStart: there is something; it is named.
    """
    if who := await _at_work(connection):
        raise CannotStart(f"services are at work on {where} ({who}): stop all of them first")
    if await store.checkpoint():
        raise CannotStart(
            f"the projection reflects another log already (up to event {await store.checkpoint()}"
            "): restore needs an empty one, EVENTJOB_STORE_URL"
        )
    found = await restore_streams.find_last_sequences(connection)
    if found and not await restore_streams.is_restore_unfinished(connection):
        listed = ", ".join(f"{stream} up to {last:,}" for stream, last in found.items())
        raise CannotStart(f"{where} is not empty ({listed}): restore into an empty one only")


async def restore(
    connection: Connection,
    artifacts: Artifacts,
    folder: Path,
    manifest: Manifest,
    *,
    stop: Stop,
    tell: Callable[[str], None],
) -> int:
    """Everything, the log last; how many commands wait to be decided.

    Raises:
        CannotStart: a file is not what it was, or it was stopped.
        ArtifactsUnavailable, Unavailable, OSError: it could not be done; begin again.
    """
    await _restore_artifacts(artifacts, folder, manifest, stop, tell)
    await restore_streams.remove_streams(connection)
    for stream, name in ((subjects.PARKED, PARKED), (subjects.EVENTS, EVENTS)):
        pieces = _until(stop, chunks(folder / manifest.file(name).path))
        await restore_streams.restore_stream(connection, stream, manifest.streams[stream], pieces)
    await topology.ensure_streams(connection)
    events = _lines(folder / manifest.file(TAIL).path, "ev.")
    await restore_streams.write_events(connection, events, manifest.last_sequence)
    commands = _lines(folder / manifest.file(COMMANDS).path, "cmd.")
    count = await restore_streams.resend_commands(connection, commands)
    await restore_streams.mark_whole(connection)
    return count


async def _at_work(connection: Connection) -> str | None:
    """What was heard of a service, where one is there."""
    heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def hear(announcement: Announcement) -> None:
        if not heard.done():
            heard.set_result(type(announcement).__name__)

    await listen(connection, SPEAKERS, hear)
    with suppress(TimeoutError):
        async with asyncio.timeout(SILENT_FOR_S):
            return await heard
    return None


async def _restore_artifacts(
    artifacts: Artifacts, folder: Path, manifest: Manifest, stop: Stop, tell: Callable[[str], None]
) -> None:
    listed = read_list(folder / manifest.file(LIST).path)
    done = 0
    while some := list(islice(listed, AT_ONCE)):
        _check_stop(stop)
        small = [sha256 for sha256, size_bytes in some if size_bytes <= CHUNK_BYTES]
        data = await asyncio.to_thread(_read, folder, small)
        if await artifacts.put_all(*data) != small:
            raise CannotStart("an artifact of the backup was changed while it was read")
        for sha256, size_bytes in some:
            if size_bytes > CHUNK_BYTES:
                await artifacts.put_file(folder / blob_path(sha256), sha256)
        done += len(some)
        tell(f"{done:,} of {manifest.artifacts:,} artifacts are there")


def _read(folder: Path, sha256s: list[str]) -> list[bytes]:
    return [(folder / blob_path(sha256)).read_bytes() for sha256 in sha256s]


def _lines(file: Path, begin: str) -> Iterator[StoredMessage]:
    """Messages to subjects that begin so: on others the server itself takes orders."""
    with file.open("rb") as lines:
        for line in lines:
            message = raw.decode_line(line)
            if not message.subject.startswith(begin):
                raise CannotStart(f"{file} has a message to {message.subject!r}, not to {begin}…")
            yield message


def _until(stop: Stop, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        _check_stop(stop)
        yield piece


def _check_stop(stop: Stop) -> None:
    if stop.is_set():
        raise CannotStart("interrupted: what is there is not whole, restore again")
