"""Restore a backup into an empty deployment: artifacts first, the log last."""

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
from services.backup.folder import read_chunks
from services.backup.manifest import Manifest

CHUNK_SIZE = 32
ANNOUNCEMENTS = (SchedulerAlive, ProjectedTo, WorkerAlive)
LISTEN_S = 1.5  # services announce themselves every second


async def check_empty(connection: Connection, store: Store, where: str) -> None:
    """Check that a restore overwrites nothing; else raise `CannotStart` with what it found."""
    # a running service would write into the log between its pieces
    if service := await _find_running_service(connection):
        raise CannotStart(f"services are running on {where} ({service}): stop all of them first")
    if await store.checkpoint():
        raise CannotStart(
            f"the projection already reflects another log (up to event {await store.checkpoint()}"
            "): restore needs an empty one, EVENTJOB_STORE_URL"
        )
    last_sequences = await restore_streams.find_last_sequences(connection)
    if last_sequences and not await restore_streams.is_restore_unfinished(connection):
        listed = ", ".join(f"{stream} up to {last:,}" for stream, last in last_sequences.items())
        raise CannotStart(f"{where} is not empty ({listed}): restore into an empty one only")


async def restore(
    connection: Connection,
    artifacts: Artifacts,
    folder: Path,
    manifest: Manifest,
    *,
    stop: Stop,
    report: Callable[[str], None],
) -> int:
    """Restore everything, the log last; return the number of undecided commands.

    Raises:
        CannotStart: a file has changed, or the restore was stopped.
        ArtifactsUnavailable, Unavailable, OSError: it failed; restore again.
    """
    await _restore_artifacts(artifacts, folder, manifest, stop, report)
    await restore_streams.remove_streams(connection)
    # the log after its artifacts: services must never find an event without them
    for stream, name in ((subjects.PARKED, PARKED), (subjects.EVENTS, EVENTS)):
        pieces = _stop_between(stop, read_chunks(folder / manifest.file(name).path))
        await restore_streams.restore_stream(connection, stream, manifest.streams[stream], pieces)
    # commands need their stream before they are sent again
    await topology.ensure_streams(connection)
    events = read_messages(folder / manifest.file(TAIL).path, "ev.")
    await restore_streams.write_events(connection, events, manifest.last_sequence)
    commands = read_messages(folder / manifest.file(COMMANDS).path, "cmd.")
    count = await restore_streams.resend_commands(connection, commands)
    # until this a mark on the stream says that it is incomplete
    await restore_streams.mark_whole(connection)
    return count


async def _find_running_service(connection: Connection) -> str | None:
    """Return the type of the first announcement heard, if any."""
    heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def note(announcement: Announcement) -> None:
        if not heard.done():
            heard.set_result(type(announcement).__name__)

    await listen(connection, ANNOUNCEMENTS, note)
    with suppress(TimeoutError):
        async with asyncio.timeout(LISTEN_S):
            return await heard
    return None


async def _restore_artifacts(
    artifacts: Artifacts,
    folder: Path,
    manifest: Manifest,
    stop: Stop,
    report: Callable[[str], None],
) -> None:
    listed = read_list(folder / manifest.file(LIST).path)
    done = 0
    while chunk := list(islice(listed, CHUNK_SIZE)):
        _check_stop(stop)
        small = [sha256 for sha256, size_bytes in chunk if size_bytes <= CHUNK_BYTES]
        data = await asyncio.to_thread(_read, folder, small)
        # content names the blob: other content, another name
        if await artifacts.put_all(*data) != small:
            raise CannotStart("an artifact of the backup changed while it was read")
        for sha256, size_bytes in chunk:
            if size_bytes > CHUNK_BYTES:
                await artifacts.put_file(folder / blob_path(sha256), sha256)
        done += len(chunk)
        report(f"{done:,} of {manifest.artifacts:,} artifacts are there")


def _read(folder: Path, sha256s: list[str]) -> list[bytes]:
    return [(folder / blob_path(sha256)).read_bytes() for sha256 in sha256s]


def read_messages(file: Path, prefix: str) -> Iterator[StoredMessage]:
    """Read messages, rejecting other subjects: on some, the server itself takes commands."""
    with file.open("rb") as lines:
        for line in lines:
            message = raw.decode_line(line)
            if not message.subject.startswith(prefix):
                raise CannotStart(f"{file} has a message to {message.subject!r}, not to {prefix}…")
            yield message


def _stop_between(stop: Stop, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        _check_stop(stop)
        yield piece


def _check_stop(stop: Stop) -> None:
    if stop.is_set():
        raise CannotStart("interrupted: the deployment is incomplete, restore again")
