"""The projection's documents: what readers see of jobs and batches."""

from datetime import datetime
from typing import Literal

import msgspec

from eventjob.contracts.base import Access, Export, FileRef, JobError, LogLine

Status = Literal["pending", "processing", "completed", "failed"]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A job's progress; ``percent`` is 0 to 100."""

    step: str
    percent: int
    message: str


class JobDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job as of event ``sequence``; ``position`` sorts documents by acceptance."""

    job_id: str
    group: str
    n: int
    sequence: int
    position: int
    status: Status
    created_at: datetime
    updated_at: datetime
    job_name: str
    job_type: str = ""
    parameters: msgspec.Raw
    batch_id: str | None = None
    owner: str | None = None
    access: Access
    attempt: int = 1
    tries: int = 0  # attempts that failed and count
    processing_started_at: datetime | None = None
    completed_at: datetime | None = None
    progress: Progress | None = None
    error: JobError | None = None
    bundle: str | None = None
    files: list[FileRef] = []
    sources: list[str] = []
    archive: FileRef | None = None
    log: list[LogLine] = []  # the newest 100, oldest first


class BatchDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A batch as of event ``sequence``.

    ``states`` has one letter per job, in order: p(ending), r(unning), c(ompleted), f(ailed),
    d(eleted). Counters are counts of letters: they always add up, also after a repeated event.

    ``content`` is the last event that changed what the batch's ZIP must hold. ``zip`` is set only
    while it is the ZIP of this content; ``zip_error`` says why building it failed.
    """

    batch_id: str
    group: str
    sequence: int
    position: int
    batch_name: str
    status: Status
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None = None
    owner: str | None = None
    access: Access
    archived: bool = False
    active: bool = True
    states: str = ""
    content: int = 0
    zip: FileRef | None = None
    zip_error: JobError | None = None
    exports: list[Export] = []  # where the events of a retired batch are


def references(document: JobDocument | BatchDocument) -> set[str]:
    """Return the sha256 of each blob that a document names."""
    if isinstance(document, BatchDocument):
        exports = {export.sha256 for export in document.exports}
        return exports if document.zip is None else exports | {document.zip.sha256}
    named = {file.sha256 for file in document.files}
    named.update(document.sources)
    if document.bundle is not None:
        named.add(document.bundle)
    if document.archive is not None:
        named.add(document.archive.sha256)
    return named
