"""What workers are told and what they answer: tasks, and reports of their outcomes.

Every one carries the attempt: the scheduler ignores what an older attempt still says.
"""

from datetime import datetime
from typing import Literal

import msgspec

from eventjob.contracts.announcements import WorkKind
from eventjob.contracts.base import FileRef, JobError, LogLine, Message


class FetchSession(Message, frozen=True, kw_only=True):
    """Task: fetch a session and what hangs on it, and store what it becomes."""

    job_id: str
    group: str
    n: int
    attempt: int
    deadline: datetime
    parameters: msgspec.Raw


class BuildArchive(Message, frozen=True, kw_only=True):
    """Task: build the ZIP of a fetched session from its stored bundle."""

    job_id: str
    group: str
    n: int
    attempt: int
    deadline: datetime
    bundle: str


class PackBatch(Message, frozen=True, kw_only=True):
    """Task: build the ZIP of a batch from the bundles that its events name. It is no job's."""

    group: str
    n: Literal[0] = 0
    attempt: int
    deadline: datetime


Task = FetchSession | BuildArchive | PackBatch


class SessionFetched(Message, frozen=True, kw_only=True):
    """Outcome of `FetchSession`: everything lies in the artifact store.

    ``sources`` are the artifacts it was made of that are no files of it: page, schedule.
    """

    group: str
    n: int
    attempt: int
    bundle: str
    files: list[FileRef]
    sources: list[str] = []
    log: list[LogLine] = []


class ArchiveBuilt(Message, frozen=True, kw_only=True):
    """Outcome of `BuildArchive`."""

    group: str
    n: int
    attempt: int
    archive: FileRef


class BatchPacked(Message, frozen=True, kw_only=True):
    """Outcome of `PackBatch`: as of event ``content``, see `eventjob.domain.batch_content`."""

    group: str
    n: Literal[0] = 0
    attempt: int
    zip: FileRef
    content: int


class WorkFailed(Message, frozen=True, kw_only=True):
    """Outcome of any task: it could not be done. ``n`` is 0 for a batch's ZIP.

    ``transient`` faults are tried again, not before ``retry_after_s`` seconds; ``counted`` is
    false where a host only asked to wait.
    """

    group: str
    n: int
    attempt: int
    task: WorkKind
    error: JobError
    transient: bool
    retry_after_s: float = 0.0
    counted: bool = True
    log: list[LogLine] = []


JobOutcome = SessionFetched | ArchiveBuilt | WorkFailed
Outcome = JobOutcome | BatchPacked


class Report(Message, frozen=True, kw_only=True):
    """Outcomes of one partition, as one worker says them."""

    outcomes: list[Outcome]


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """All that a session became, as one artifact: the archiver packs it, the api reads it.

    ``files`` are the members of the ZIP, the Markdown first; the texts are whole.
    """

    title: str
    event: str
    track: str
    target_dir: str
    asset_dir: str
    archive_filename: str
    markdown_file: str
    files: list[FileRef]
    web_text: str
    structured_data: msgspec.Raw
    page_texts: list[str] = []
    attachments_text: str | None = None
    video_transcript: str | None = None
    attachments_url: str | None = None
