"""Restore the streams of a backup; a mark shows that the restore is unfinished."""

from collections.abc import Iterable
from dataclasses import replace

import nats.errors
from nats.js.api import StreamConfig
from nats.js.errors import APIError, NotFoundError

from eventjob.bus import subjects
from eventjob.bus.backup import stream_snapshot
from eventjob.bus.backup.stream_snapshot import StreamDescription
from eventjob.bus.errors import Unavailable
from eventjob.bus.log import raw
from eventjob.bus.log.raw import StoredMessage
from eventjob.bus.wire.connection import Connection
from eventjob.bus.wire.publish import Rejected, publish

UNFINISHED_MARK = "eventjob_restore"  # in the metadata of streams that are not complete yet
LASTING = (subjects.EVENTS, subjects.CMD, subjects.PARKED)
_OF_ITS_SERVER = {"placement", "metadata", "num_replicas"}
_NEVER_OURS = {"republish", "mirror", "sources", "subject_transform"}  # only in a forged backup
_LEFT_OUT = _OF_ITS_SERVER | _NEVER_OURS


async def is_restore_unfinished(connection: Connection) -> bool:
    """Return True if EVENTS is the beginning of an interrupted restore."""
    config = await _config(connection, subjects.EVENTS)
    return config is not None and UNFINISHED_MARK in (config.metadata or {})


async def check_whole(connection: Connection) -> None:
    """Raise `Unavailable` unless EVENTS answers and is complete."""
    if await is_restore_unfinished(connection):
        raise Unavailable("a restore was interrupted: run `eventjob restore` again")


async def find_last_sequences(connection: Connection) -> dict[str, int]:
    """Return the newest sequence of each stream of the backup that holds or held messages."""
    found = {}
    for stream in LASTING:
        try:
            state = (await connection.jetstream.stream_info(stream)).state
        except NotFoundError:
            continue
        except (APIError, TimeoutError, nats.errors.Error) as error:
            raise Unavailable(f"{stream} does not answer: {error!r}") from error
        if state.last_seq:
            found[stream] = int(state.last_seq)
    return found


async def remove_streams(connection: Connection) -> None:
    """Delete the streams that the backup replaces; the caller makes sure that nothing is lost."""
    for stream in LASTING:
        try:
            await connection.jetstream.delete_stream(stream)
        except NotFoundError:
            continue
        except (APIError, TimeoutError, nats.errors.Error) as error:
            raise Unavailable(f"cannot remove the empty {stream}: {error!r}") from error


async def restore_stream(
    connection: Connection, stream: str, described: StreamDescription, chunks: Iterable[bytes]
) -> None:
    """Restore a stream on one server; `mark_whole` adds replicas."""
    config = {
        **{key: value for key, value in described.config.items() if key not in _LEFT_OUT},
        "num_replicas": 1,
        "metadata": {UNFINISHED_MARK: "unfinished"},
    }
    there = await stream_snapshot.load_stream(
        connection, stream, StreamDescription(config=config, state=described.state), chunks
    )
    if there.last_sequence < described.last_sequence:
        raise Unavailable(
            f"{stream} ends with {there.last_sequence} instead of {described.last_sequence}"
        )


async def write_events(connection: Connection, events: Iterable[StoredMessage], last: int) -> None:
    """Append the events after the snapshot, up to event ``last``."""
    there = (await find_last_sequences(connection)).get(subjects.EVENTS, 0)
    end = await raw.rewrite_events(connection, events, there)
    if end != last:
        raise Unavailable(f"the log ends with event {end} instead of {last}")


async def resend_commands(connection: Connection, commands: Iterable[StoredMessage]) -> int:
    """Send undecided commands to the scheduler again; return their number."""
    count = 0
    try:
        for command in commands:
            await publish(connection, [raw.copy_message(command)])
            count += 1
    except Rejected as error:
        raise Unavailable(f"a command cannot be stored: {error}") from error
    return count


async def mark_whole(connection: Connection) -> None:
    """Declare the restored log complete."""
    for stream in (subjects.PARKED, subjects.EVENTS):  # EVENTS last: its mark is the one checked
        config = await _config(connection, stream)
        if config is None:
            raise Unavailable(f"{stream} is gone")
        old = config.metadata or {}
        metadata = {key: text for key, text in old.items() if key != UNFINISHED_MARK}
        try:
            await connection.jetstream.update_stream(
                replace(config, metadata=metadata, num_replicas=connection.replicas)
            )
        except (APIError, TimeoutError, nats.errors.Error) as error:
            raise Unavailable(f"cannot finish {stream}: {error!r}") from error


async def _config(connection: Connection, stream: str) -> StreamConfig | None:
    try:
        return (await connection.brief.stream_info(stream)).config
    except NotFoundError:
        return None
    except (APIError, TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"{stream} does not answer: {error!r}") from error
