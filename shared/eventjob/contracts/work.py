"""Tasks for workers, and reports of their outcomes.

Each carries the attempt: the scheduler ignores reports of older attempts.
"""

from datetime import datetime
from typing import Literal

import msgspec

from eventjob.contracts.announcements import WorkKind
from eventjob.contracts.base import FileRef, JobError, LogLine, Message


class FetchSession(Message, frozen=True, kw_only=True):
    """Task: fetch a session with its files, convert and store it."""

    job_id: str
    group: str
    n: int
    attempt: int  # also in the subject: else refused while the old task is unacknowledged
    deadline: datetime
    parameters: msgspec.Raw


class BuildArchive(Message, frozen=True, kw_only=True):
    """Task: build a job's ZIP from its stored bundle."""

    job_id: str
    group: str
    n: int
    attempt: int
    deadline: datetime
    bundle: str


class PackBatch(Message, frozen=True, kw_only=True):
    """Task: build a batch's ZIP from the bundles that its events name."""

    group: str
    n: Literal[0] = 0  # number 0 is free: a batch's jobs count from 1
    attempt: int
    deadline: datetime


Task = FetchSession | BuildArchive | PackBatch


class SessionFetched(Message, frozen=True, kw_only=True):
    """Outcome of `FetchSession`: the session's files are all in the artifact store."""

    group: str
    n: int
    attempt: int
    bundle: str
    files: list[FileRef]
    sources: list[str] = []  # kept inputs that are not among files, such as the page
    log: list[LogLine] = []


class ArchiveBuilt(Message, frozen=True, kw_only=True):
    """Outcome of `BuildArchive`."""

    group: str
    n: int
    attempt: int
    archive: FileRef


class BatchPacked(Message, frozen=True, kw_only=True):
    """Outcome of `PackBatch`, as of event ``content`` (`eventjob.domain.batch_content`)."""

    group: str
    n: Literal[0] = 0
    attempt: int
    zip: FileRef
    content: int


class WorkFailed(Message, frozen=True, kw_only=True):
    """Outcome of any task that failed; ``n`` is 0 for a batch's ZIP."""

    group: str
    n: int
    attempt: int
    task: WorkKind
    error: JobError
    transient: bool  # worth another attempt
    retry_after_s: float = 0.0  # earliest next attempt
    counted: bool = True  # false if a host only asked to wait: that uses up no attempt
    log: list[LogLine] = []


JobOutcome = SessionFetched | ArchiveBuilt | WorkFailed
Outcome = JobOutcome | BatchPacked


class Report(Message, frozen=True, kw_only=True):
    """Outcomes of one worker, several in a message."""

    outcomes: list[Outcome]  # of one partition, since each has its own consumer


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A session's results as one artifact: the archiver packs it, the api reads it."""

    title: str
    event: str
    track: str
    target_dir: str
    asset_dir: str
    archive_filename: str
    markdown_file: str
    files: list[FileRef]  # members of the ZIP, the Markdown first
    web_text: str
    structured_data: msgspec.Raw
    page_texts: list[str] = []
    attachments_text: str | None = None
    video_transcript: str | None = None
    attachments_url: str | None = None
