"""A backup: artifacts first, since they are many, then the log, then what it named meanwhile.

So between the log's end and the last artifact pass seconds, however much there is to copy; what a
deletion has freed meanwhile is kept by the clean-up for half an hour.
"""

from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from eventjob.artifacts.store import Artifacts
from eventjob.bus import subjects
from eventjob.bus.backup import stream_snapshot
from eventjob.bus.backup.stream_snapshot import StreamDescription
from eventjob.bus.errors import Poison
from eventjob.bus.log import raw
from eventjob.bus.log.event_codec import decode_event
from eventjob.bus.wire.connection import Connection
from eventjob.contracts.base import UNREADABLE
from eventjob.contracts.commands import Command, StoredCommand
from eventjob.contracts.events import SCHEMA_VERSION, BatchFiled
from eventjob.domain.recorded_event import RecordedEvent
from eventjob.retired.whole_log import WholeLog
from eventjob.runtime import clock
from eventjob.runtime.lifecycle import CannotStart, Stop
from services.backup.blobs import LIST, BlobCopier, write_list
from services.backup.consistent_end import ConsistentEnd
from services.backup.folder import BackupFile
from services.backup.manifest import FORMAT, File, Manifest, Missing
from services.backup.references import Sha256Set, is_needed, named

EVENTS, PARKED, TAIL, COMMANDS = "EVENTS.snapshot", "PARKED.snapshot", "events", "commands"


class Backup:
    """One backup of a deployment into ``folder``, its log into ``folder/run``."""

    def __init__(
        self,
        connection: Connection,
        artifacts: Artifacts,
        folder: Path,
        run: str,
        *,
        stop: Stop,
        tell: Callable[[str], None],
    ) -> None:
        (folder / run).mkdir()
        self.names = Sha256Set(folder / run / "names")
        self._copying = BlobCopier(artifacts, folder, folder / run)
        self._connection = connection
        self._events = WholeLog(connection, artifacts)
        self._folder = folder
        self._run = run
        self._stop = stop
        self._tell = tell
        self._files: list[File] = []
        self._lost: list[tuple[RecordedEvent, str]] = []

    @property
    def new_artifacts(self) -> int:
        """How many were not in the folder before."""
        return self._copying.new

    async def take(self, started_at: datetime) -> Manifest:
        """All of it; the backup is not valid yet.

        Raises:
            CannotStart: it was stopped.
            ArtifactsUnavailable, Poison, Unavailable, OSError: it could not be done.
        """
        copied = await self._copy(0)
        await self._commands()
        streams = {subjects.PARKED: await self._snapshot(subjects.PARKED, PARKED)}
        streams[subjects.EVENTS] = await self._snapshot(subjects.EVENTS, EVENTS)
        with self._writing(TAIL) as file:
            cut = ConsistentEnd(self._connection, file.write)
            last = await cut.find(streams[subjects.EVENTS].last_sequence)
            self._files.append(file.done())
        await self._copy(copied, last)
        missing = await self._missing()
        with self._writing(LIST) as file:
            count, size_bytes = write_list(self.names, self._copying.size, file)
            self._files.append(file.done())
        return Manifest(
            format=FORMAT,
            eventjob=version("eventjob"),
            schema_version=SCHEMA_VERSION,
            started_at=started_at,
            ended_at=clock.now(),
            last_sequence=last,
            streams=streams,
            files=self._files,
            artifacts=count,
            artifact_bytes=size_bytes,
            missing=missing,
        )

    async def _copy(self, after: int, until: int | None = None) -> int:
        """Copy what the events behind ``after`` name; the last event that was read."""
        async with aclosing(raw.read_messages(self._connection, subjects.EVENTS, after)) as pages:
            async for page in pages:
                self._check_stop()
                wanted: dict[str, RecordedEvent] = {}
                for message in page:
                    if until is not None and message.sequence > until:
                        continue
                    record = decode_event(
                        message.subject, message.headers, message.data, message.sequence
                    )
                    wanted |= dict.fromkeys(named(record.event), record)
                    if isinstance(record.event, BatchFiled):
                        await self._copy_filed(record.event)
                await self._copy_all(wanted)
                after = page[-1].sequence
                self._tell(f"event {after:,}: {self._copying.new:,} artifacts are new")
        return after

    async def _copy_filed(self, filed: BatchFiled) -> None:
        """Copy what the events name that are no longer in the log."""
        try:
            async with aclosing(self._events.exported(filed)) as stretches:
                async for stretch in stretches:
                    self._check_stop()
                    await self._copy_all({s: r for r in stretch for s in named(r.event)})
        except Poison:  # then the export itself is among what was lost
            return

    async def _copy_all(self, wanted: dict[str, RecordedEvent]) -> None:
        lost = await self._copying.copy_all(wanted)
        self._lost += [(wanted[sha256], sha256) for sha256 in lost]
        for sha256 in wanted:
            self.names.add(sha256)

    async def _commands(self) -> None:
        """What was accepted and is not decided. Before the log: what is in both happens once."""
        with self._writing(COMMANDS) as file:
            for message in await raw.read_queue(self._connection, subjects.CMD):
                self._check_stop()
                file.write(raw.encode_line(message))
                command = _decoded(message.data)
                if isinstance(command, StoredCommand):
                    await self._copying.copy_all([command.sha256])
                    self.names.add(command.sha256)
            self._files.append(file.done())

    async def _snapshot(self, stream: str, name: str) -> StreamDescription:
        with self._writing(name) as file:

            def write(chunk: bytes) -> None:
                self._check_stop()
                file.write(chunk)

            described = await stream_snapshot.save_stream(self._connection, stream, write)
            self._files.append(file.done())
        return described

    async def _missing(self) -> list[Missing]:
        """What the store has lost: what was only cleaned up after a deletion is no loss."""
        return [
            Missing(sha256=sha256, named_by=f"event {record.sequence} of {record.group}")
            for record, sha256 in self._lost
            if self._copying.size(sha256) is None
            and (
                isinstance(record.event, BatchFiled)
                or await is_needed(self._events, record, sha256)
            )
        ]

    def _writing(self, name: str) -> BackupFile:
        return BackupFile(self._folder, f"{self._run}/{name}")

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise CannotStart("interrupted: the next run goes on with what was copied")


def _decoded(data: bytes) -> Command | None:
    try:
        return _commands.decode(data)
    except UNREADABLE:
        return None  # poison: it is kept as it is, and parked by the scheduler that gets it


_commands: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
