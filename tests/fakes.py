"""Stand-ins for what a test does not want to be real."""

import hashlib
from collections.abc import AsyncGenerator
from typing import Any

from eventjob.domain.recorded_event import RecordedEvent


class QuietLog:
    """Remembers what was logged, as (level, event, fields)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def debug(self, event: str, **fields: Any) -> None:
        self.lines.append(("debug", event, fields))

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append(("info", event, fields))

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append(("warning", event, fields))

    def error(self, event: str, **fields: Any) -> None:
        self.lines.append(("error", event, fields))

    def exception(self, event: str, **fields: Any) -> None:
        self.lines.append(("exception", event, fields))

    def events(self) -> list[str]:
        return [event for _, event, _ in self.lines]


class MemoryBlobs:
    """Artifacts in a dictionary."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    async def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return digest

    async def get(self, sha256: str) -> bytes:
        return self.blobs[sha256]


class EventsInMemory:
    """A log that is read a few events at a time."""

    def __init__(self, records: list[RecordedEvent]) -> None:
        self.records = records

    async def last_sequence(self) -> int:
        return self.records[-1].sequence if self.records else 0

    async def read_with_jobs(self, group: str) -> AsyncGenerator[list[RecordedEvent]]:
        found = [record for record in self.records if record.group == group]
        for first in range(0, len(found), 3):
            yield found[first : first + 3]
