"""Artifacts that events reference: list them, and tell whether a missing one is needed."""

from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO

from eventjob.bus.log.log import EventLog
from eventjob.contracts.events import BatchFiled, BatchZipBuilt, Event, JobCompleted, JobFetched
from eventjob.domain.recorded_event import RecordedEvent
from eventjob.projection.fold import fold
from eventjob.projection.read_model import BatchDocument, references

DIGEST_BYTES = 32
PART_COUNT = 256  # by the first byte, like the folders of a store


def list_artifacts(event: Event) -> Iterator[str]:
    """Yield the sha256 of each artifact that the event names."""
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
    """True if a reader of today would ask for the artifact that this event named.

    The clean-up removes what a later restart, deletion or newer ZIP has replaced.
    """
    # a ZIP or an export: only the batch's document can still name it
    if record.n is None:
        return sha256 in await _batch_references(events, record.group)
    records = await events.read(record.group, record.n)
    jobs = fold(records, {}, {}).jobs if records else ()
    return any(sha256 in references(job) for job in jobs if job.n == record.n)


async def _batch_references(events: EventLog, group: str) -> set[str]:
    documents: dict[str, BatchDocument] = {}
    async with aclosing(events.read_with_jobs(group)) as pages:
        async for page in pages:
            changes = fold(page, {}, documents)
            documents |= {batch.group: batch for batch in changes.batches}
            if changes.deleted_groups:
                return set()
    return set().union(*(references(batch) for batch in documents.values()))


class Sha256Set:
    """A set of sha256s in its own folder; memory holds one of 256 parts at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._parts: dict[int, BinaryIO] = {}

    def add(self, sha256: str) -> None:
        """Add a sha256; a repeated one is harmless."""
        digest = bytes.fromhex(sha256)
        part = self._parts.get(digest[0])
        if part is None:
            # on disk: millions of names must not fill the memory
            part = self._parts[digest[0]] = (self._folder / f"{digest[0]:02x}").open("ab")
        part.write(digest)

    def parts(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the parts: two leading digits, and the sorted sha256s with them."""
        self.close()
        for number in range(PART_COUNT):
            file = self._folder / f"{number:02x}"
            content = file.read_bytes() if file.exists() else b""
            digests = {
                content[start : start + DIGEST_BYTES]
                for start in range(0, len(content), DIGEST_BYTES)
            }
            yield file.name, sorted(digest.hex() for digest in digests)

    def close(self) -> None:
        """Close the files."""
        for part in self._parts.values():
            part.close()
        self._parts.clear()
