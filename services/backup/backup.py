"""Take a backup: artifacts first, since they are many, then the log, then its latest artifacts.

So only seconds pass between the log's end and the last artifact. What a deletion frees meanwhile
is kept for the clean-up's grace of half an hour.
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
from services.backup.references import Sha256Set, is_needed, list_artifacts

EVENTS, PARKED, TAIL, COMMANDS = "EVENTS.snapshot", "PARKED.snapshot", "events", "commands"

_commands: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)


class Backup:
    """One backup of a deployment into ``folder``, with its log in ``folder/run``."""

    def __init__(
        self,
        connection: Connection,
        artifacts: Artifacts,
        folder: Path,
        run: str,
        *,
        stop: Stop,
        report: Callable[[str], None],
    ) -> None:
        (folder / run).mkdir()
        self.references = Sha256Set(folder / run / "names")
        self._copier = BlobCopier(artifacts, folder, folder / run)
        self._connection = connection
        self._events = WholeLog(connection, artifacts)
        self._folder = folder
        self._run = run
        self._stop = stop
        self._report = report
        self._files: list[File] = []
        self._lost: list[tuple[RecordedEvent, str]] = []

    @property
    def new_artifacts(self) -> int:
        """The number of artifacts that earlier backups lack."""
        return self._copier.new

    async def create(self, started_at: datetime) -> Manifest:
        """Copy everything and return the manifest, which the caller must still publish.

        Raises:
            CannotStart: the backup was stopped.
            ArtifactsUnavailable, Poison, Unavailable, OSError: it failed.
        """
        last_copied = await self._copy_referenced(0)
        # before the log: a command that is in both is recognised by its id, one in neither is lost
        await self._write_commands()
        # parked before the log: a retried message is then in the log, or still parked
        streams = {subjects.PARKED: await self._snapshot(subjects.PARKED, PARKED)}
        streams[subjects.EVENTS] = await self._snapshot(subjects.EVENTS, EVENTS)
        with self._open_file(TAIL) as file:
            end = ConsistentEnd(self._connection, file.write)
            last = await end.find(streams[subjects.EVENTS].last_sequence)
            self._files.append(file.finish())
        await self._copy_referenced(last_copied, last)
        missing = await self._find_missing()
        with self._open_file(LIST) as file:
            count, size_bytes = write_list(self.references, self._copier.size, file)
            self._files.append(file.finish())
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

    async def _copy_referenced(self, after: int, until: int | None = None) -> int:
        """Copy the artifacts named by the events after ``after``; return the last event read."""
        async with aclosing(raw.read_messages(self._connection, subjects.EVENTS, after)) as pages:
            async for page in pages:
                self._check_stop()
                referenced: dict[str, RecordedEvent] = {}
                for message in page:
                    if until is not None and message.sequence > until:
                        continue
                    record = decode_event(
                        message.subject, message.headers, message.data, message.sequence
                    )
                    referenced |= dict.fromkeys(list_artifacts(record.event), record)
                    if isinstance(record.event, BatchFiled):
                        await self._copy_retired(record.event)
                await self._copy_all(referenced)
                after = page[-1].sequence
                self._report(f"event {after:,}: {self._copier.new:,} artifacts are new")
        return after

    async def _copy_retired(self, retired: BatchFiled) -> None:
        """Copy the artifacts named by a retired batch's exported events."""
        try:
            async with aclosing(self._events.read_exported(retired)) as stretches:
                async for stretch in stretches:
                    self._check_stop()
                    await self._copy_all({s: r for r in stretch for s in list_artifacts(r.event)})
        except Poison:  # the export itself is then among the lost artifacts
            return

    async def _copy_all(self, referenced: dict[str, RecordedEvent]) -> None:
        lost = await self._copier.copy_all(referenced)
        self._lost += [(referenced[sha256], sha256) for sha256 in lost]
        for sha256 in referenced:
            self.references.add(sha256)

    async def _write_commands(self) -> None:
        """Write the undecided commands."""
        with self._open_file(COMMANDS) as file:
            for message in await raw.read_queue(self._connection, subjects.CMD):
                self._check_stop()
                file.write(raw.encode_line(message))
                command = _decode_command(message.data)
                if isinstance(command, StoredCommand):
                    await self._copier.copy_all([command.sha256])
                    self.references.add(command.sha256)
            self._files.append(file.finish())

    async def _snapshot(self, stream: str, name: str) -> StreamDescription:
        with self._open_file(name) as file:

            def write(chunk: bytes) -> None:
                self._check_stop()
                file.write(chunk)

            description = await stream_snapshot.save_stream(self._connection, stream, write)
            self._files.append(file.finish())
        return description

    async def _find_missing(self) -> list[Missing]:
        """Return the artifacts that the store has lost, apart from those of deleted jobs."""
        return [
            Missing(sha256=sha256, named_by=f"event {record.sequence} of {record.group}")
            for record, sha256 in self._lost
            # stored again meanwhile, it was copied for a later event
            if self._copier.size(sha256) is None
            and (
                isinstance(record.event, BatchFiled)
                or await is_needed(self._events, record, sha256)
            )
        ]

    def _open_file(self, name: str) -> BackupFile:
        return BackupFile(self._folder, f"{self._run}/{name}")

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise CannotStart("interrupted: the next run continues with what was copied")


def _decode_command(data: bytes) -> Command | None:
    try:
        return _commands.decode(data)
    except UNREADABLE:
        return None  # poison: kept, and parked later by a scheduler
