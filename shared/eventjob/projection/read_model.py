"""The documents of the projection: what a reader can be shown of jobs and batches."""

from datetime import datetime
from typing import Literal

import msgspec

from eventjob.contracts.base import Access, Export, FileRef, JobError, LogLine

Status = Literal["pending", "processing", "completed", "failed"]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is: ``percent`` 0 to 100."""

    step: str
    percent: int
    message: str


class JobDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job as of ``sequence``. ``position`` orders documents as they were accepted."""

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
    tries: int = 0  # attempts that counted and failed
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
    """A batch as of ``sequence``.

    ``states`` holds one letter per job, in their order: p(ending), r(unning), c(ompleted),
    f(ailed), d(eleted). The counters are counts of these letters, so they always add up, and
    an event that is applied twice changes nothing.

    ``content`` is the last event that changed what the batch's ZIP has to hold. ``zip`` is there
    exactly as long as it is the ZIP of this content; ``zip_error`` says why there is none.
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
    exports: list[Export] = []  # where its events are, once they are out of the log


def references(document: JobDocument | BatchDocument) -> set[str]:
    """The blobs that a document names."""
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
