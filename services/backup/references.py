"""Which artifacts an event names, and whether what is missing is missed by anybody."""

from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO

from eventjob.bus.log.log import EventLog
from eventjob.contracts.events import BatchFiled, BatchZipBuilt, Event, JobCompleted, JobFetched
from eventjob.domain.recorded_event import RecordedEvent
from eventjob.projection.fold import fold
from eventjob.projection.read_model import BatchDocument, references


def named(event: Event) -> Iterator[str]:
    """The sha256 of each artifact."""
    match event:
        case JobFetched(bundle=bundle, files=files, sources=sources):
            yield bundle
            yield from sources
            yield from (file.sha256 for file in files)
        case JobCompleted(archive=file) | BatchZipBuilt(zip=file):
            yield file.sha256
        case BatchFiled(exports=exports):
            yield from (export.sha256 for export in exports)
        case _:
            return


async def is_needed(events: EventLog, record: RecordedEvent, sha256: str) -> bool:
    """Whether a reader of today would ask for the artifact that this event named.

    What a later restart, deletion or newer ZIP has replaced is cleaned up after a while.
    """
    if record.n is None:
        return sha256 in await _of_batch(events, record.group)
    records = await events.read(record.group, record.n)
    jobs = fold(records, {}, {}).jobs if records else ()
    return any(sha256 in references(job) for job in jobs if job.n == record.n)


async def _of_batch(events: EventLog, group: str) -> set[str]:
    then: dict[str, BatchDocument] = {}
    async with aclosing(events.read_with_jobs(group)) as pages:
        async for page in pages:
            changes = fold(page, {}, then)
            then |= {batch.group: batch for batch in changes.batches}
            if changes.deleted_groups:
                return set()
    return set().union(*(references(batch) for batch in then.values()))


DIGEST_BYTES = 32
PARTS = 256  # by the first byte, as the folders of a store are


class Sha256Set:
    """A set of sha256s in a folder of its own; memory holds a 256th of it at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._parts: dict[int, BinaryIO] = {}

    def add(self, sha256: str) -> None:
        """Note a name; one that is there already does no harm."""
        digest = bytes.fromhex(sha256)
        part = self._parts.get(digest[0])
        if part is None:
            part = self._parts[digest[0]] = (self._folder / f"{digest[0]:02x}").open("ab")
        part.write(digest)

    def parts(self) -> Iterator[tuple[str, list[str]]]:
        """All names, each once and in order, with the two digits that they share."""
        self.close()
        for number in range(PARTS):
            file = self._folder / f"{number:02x}"
            noted = file.read_bytes() if file.exists() else b""
            digests = {
                noted[start : start + DIGEST_BYTES] for start in range(0, len(noted), DIGEST_BYTES)
            }
            yield file.name, sorted(digest.hex() for digest in digests)

    def close(self) -> None:
        """Nothing more is added."""
        for part in self._parts.values():
            part.close()
        self._parts.clear()
