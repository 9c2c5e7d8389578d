"""What all messages share, and the small values that they carry."""

from datetime import datetime
from typing import Literal

import msgspec

NULL = msgspec.Raw(b"null")
# What a decoder raises for bytes that are no such message: also no UTF-8, or nested too deeply.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """Base of every bus message: immutable, and tagged on the wire with its class name."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Who besides the owner may read or change an object."""

    visibility: Literal["private", "public"] = "private"
    read_access: tuple[str, ...] = ()
    write_access: tuple[str, ...] = ()
    admin_access: tuple[str, ...] = ()


class JobSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One job as it was accepted: complete, checked, and never changed again."""

    parameters: msgspec.Raw  # a JSON object, see contracts.parameters; unread by the scheduler
    host: str  # of the parameters' url, so that hosts can share the workers
    job_name: str
    job_type: str = ""
    webhook: msgspec.Raw = NULL


class FileRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stored file: where it lies in the ZIP, and the blob that holds its bytes."""

    path: str
    sha256: str
    size_bytes: int
    media_type: str
    source_url: str | None = None


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a batch's events as an artifact, and how many there are in it."""

    sha256: str
    events: int


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a job's own log, for the people who posted it."""

    timestamp: datetime
    level: Literal["debug", "info", "warning", "error"]
    message: str


class JobError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job failed: a stable code to branch on, and the real cause for people."""

    code: str
    message: str
    details: dict[str, str | int | None] = {}
