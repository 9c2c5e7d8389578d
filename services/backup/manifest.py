"""The manifest of a backup, written last so that it marks a complete one."""

from datetime import datetime
from pathlib import Path, PurePosixPath

import msgspec

from eventjob.bus import subjects
from eventjob.bus.backup.stream_snapshot import StreamDescription
from eventjob.contracts.base import UNREADABLE
from eventjob.contracts.events import SCHEMA_VERSION
from eventjob.runtime.lifecycle import CannotStart

FORMAT = 1  # of the folder; raised by a change that older versions cannot read
NAME = "manifest.json"


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the backup, by its path in the folder."""

    path: str
    size_bytes: int
    sha256: str


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact that the store had already lost, and what names it."""

    sha256: str
    named_by: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A complete backup: the log up to ``last_sequence``, and all artifacts that it names.

    ``artifacts`` and ``artifact_bytes`` sum up the list of artifacts, which is one of ``files``.
    """

    format: int
    eventjob: str
    schema_version: int  # of the events
    started_at: datetime
    ended_at: datetime
    last_sequence: int
    streams: dict[str, StreamDescription]
    files: list[File]
    artifacts: int
    artifact_bytes: int
    missing: list[Missing] = []

    def file(self, name: str) -> File:
        """Return the file named ``name``; raise `CannotStart` if it is missing."""
        for file in self.files:
            if file.path.rsplit("/", 1)[-1] == name:
                return file
        raise CannotStart(f"{NAME} names no file {name}")


class _Version(msgspec.Struct, frozen=True):
    format: int


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the backup in ``folder``.

    Raises:
        CannotStart: it is missing or unreadable, or a newer eventjob wrote it.
    """
    file = folder / NAME
    try:
        text = file.read_bytes()
        # before the rest: a newer format may have other fields
        _check_version(file, msgspec.json.decode(text, type=_Version).format)
        manifest = msgspec.json.decode(text, type=Manifest)
    except FileNotFoundError:
        raise CannotStart(f"there is no backup in {folder}: it has no {NAME}") from None
    except OSError as error:
        raise CannotStart(f"{file} cannot be read: {error.strerror}") from error
    except UNREADABLE as error:
        raise CannotStart(f"{file} is not the manifest of a backup: {error}") from error
    if manifest.schema_version > SCHEMA_VERSION:
        raise CannotStart(
            f"the backup in {folder} has events of a newer eventjob, {manifest.eventjob} (schema "
            f"{manifest.schema_version}; this one knows {SCHEMA_VERSION}): use that version"
        )
    _check_content(file, manifest)
    return manifest


def _check_content(file: Path, manifest: Manifest) -> None:
    for path in (file.path for file in manifest.files):
        # a forged manifest must not lead outside the folder
        parts = PurePosixPath(path)
        if parts.is_absolute() or ".." in parts.parts or not path.isprintable():
            raise CannotStart(f"{file} names {path!r}, expected a file in the folder")
    for stream in (subjects.EVENTS, subjects.PARKED):
        described = manifest.streams.get(stream)
        if described is None or not isinstance(described.state.get("last_seq"), int):
            raise CannotStart(f"{file} lacks the last sequence of {stream}")


def _check_version(file: Path, version: int) -> None:
    if version > FORMAT:
        raise CannotStart(
            f"{file} was written by a newer eventjob "
            f"(backup format {version}; this one knows {FORMAT}): use that version"
        )
