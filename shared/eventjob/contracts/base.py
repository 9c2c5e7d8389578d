"""Base class of all messages, and the values that several of them carry."""

from datetime import datetime
from typing import Literal

import msgspec

NULL = msgspec.Raw(b"null")
# Raised by a decoder for bytes that are not such a message, not UTF-8, or nested too deeply.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """Base of all bus messages: immutable; ``type`` on the wire is the class name."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Users besides the owner who may read or change an object."""

    visibility: Literal["private", "public"] = "private"
    read_access: tuple[str, ...] = ()
    write_access: tuple[str, ...] = ()
    admin_access: tuple[str, ...] = ()


class JobSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job as accepted: complete, validated, immutable."""

    parameters: msgspec.Raw  # encoded contracts.parameters; raw, since the scheduler reads none
    host: str  # from the parameters' url: no host may fill all workers
    job_name: str
    job_type: str = ""
    webhook: msgspec.Raw = NULL


class FileRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stored file: its path in the ZIP, and the artifact with its bytes."""

    path: str
    sha256: str
    size_bytes: int
    media_type: str
    source_url: str | None = None


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact with consecutive events of a retired batch, and their number."""

    sha256: str
    events: int


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a job's own log, written for its owner."""

    timestamp: datetime
    level: Literal["debug", "info", "warning", "error"]
    message: str


class JobError(msgspec.Struct, frozen=True, kw_only=True):
    """Reason of a failure: a stable code for programs, a message for people."""

    code: str
    message: str
    details: dict[str, str | int | None] = {}
