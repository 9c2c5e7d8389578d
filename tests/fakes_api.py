"""A whole deployment in memory behind the api's ports, with the real decider and projection."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import msgspec
from fakes import MemoryBlobs

from eventjob.artifacts.store import ArtifactMissing
from eventjob.contracts.base import FileRef
from eventjob.contracts.commands import FailBatches, GroupCommand
from eventjob.contracts.events import (
    BatchZipBuilt,
    Event,
    JobCompleted,
    JobFetched,
    JobsAdded,
    JobsStarted,
    Start,
)
from eventjob.contracts.replies import Accepted, Declined, Reply
from eventjob.contracts.work import Bundle
from eventjob.domain import batch, decide
from eventjob.domain.access import Caller, may_read
from eventjob.domain.batch import Group
from eventjob.domain.errors import Refused
from eventjob.domain.ids import batch_group, parse_job_id
from eventjob.domain.recorded_event import RecordedEvent
from eventjob.domain.retry import Policy
from eventjob.projection.fold import affected_documents, fold
from eventjob.projection.read_model import BatchDocument, JobDocument
from eventjob.projection.store import BatchQuery, JobQuery, Page, PageStart

BEGINNING = datetime(2030, 1, 1, tzinfo=UTC)
SITE = "http://127.0.0.1:5000"


class Deployment:
    """Everything behind the api. Set an exception to take a part of it away."""

    def __init__(self) -> None:
        self.blobs = ReadableBlobs()
        self.records: list[RecordedEvent] = []
        self.jobs_by_id: dict[str, JobDocument] = {}
        self.batches_by_group: dict[str, BatchDocument] = {}
        self.sent: list[tuple[object, Caller]] = []  # and who asked
        self.bus_fault: Exception | None = None
        self.store_fault: Exception | None = None
        self.is_following = True
        self.passed = timedelta()  # time, besides a second for each event
        self.reasons: list[str] = []
        self.parked_messages = 0
        self._groups: dict[str, Group] = {}

    # Commands

    async def send(self, command: GroupCommand, *, group: str, caller: Caller) -> Reply:
        self.sent.append((command, caller))
        self._check_bus()
        memory = self._groups.setdefault(group, Group(group))
        try:
            drafts = decide.decide(command, memory, self._now(caller))
        except Refused as refusal:
            return Declined(code=refusal.code, message=str(refusal))
        self._append(drafts, caller)
        first = drafts[0].event if drafts else None
        number = first.first if isinstance(first, JobsAdded) else len(memory.jobs)
        key = getattr(command, "key", None)
        if not drafts and key in memory.added_by:
            number = memory.added_by[key].n
        return Accepted(sequence=len(self.records), number=number, repeated=not drafts)

    async def send_to_all(self, command: FailBatches, *, caller: Caller) -> list[Reply]:
        self.sent.append((command, caller))
        self._check_bus()
        replies: list[Reply] = []
        for partition in range(16):
            updated = 0
            for group in self._groups.values():
                if crc32(group.id.encode()) % 16 == partition:
                    drafts = decide.fail_all(group, self._now(caller))
                    updated += bool(drafts)
                    self._append([] if command.dry_run else drafts, caller)
            replies.append(Accepted(sequence=len(self.records), updated=updated))
        return replies

    # History

    async def read(self, group: str, n: int | None = None) -> list[RecordedEvent]:
        self._check_bus()
        return [r for r in self.records if r.group == group and r.n in {None, n}]

    async def read_with_jobs(self, group: str) -> AsyncIterator[list[RecordedEvent]]:
        self._check_bus()
        found = [r for r in self.records if r.group == group]
        for first in range(0, len(found), 3):
            yield found[first : first + 3]

    async def last_sequence(self) -> int:
        self._check_bus()
        return len(self.records)

    # Projection

    async def wait_until_reached(self, sequence: int, within: timedelta) -> bool:
        assert within > timedelta()
        return self.is_following and sequence <= len(self.records)

    def find_troubles(self) -> list[str]:
        return self.reasons

    async def count_parked(self) -> int:
        self._check_bus()
        return self.parked_messages

    # Store

    async def checkpoint(self) -> int:
        self._check_store()
        return len(self.records)

    async def job(self, job_id: str) -> JobDocument | None:
        self._check_store()
        return self.jobs_by_id.get(job_id)

    async def batch(self, batch_id: str) -> BatchDocument | None:
        self._check_store()
        found = self.batches_by_group.get(batch_group(batch_id))
        return found if found and found.batch_id == batch_id else None

    async def list_jobs(self, query: JobQuery) -> Page[JobDocument]:
        self._check_store()
        wanted = self._readable(query, self.jobs_by_id.values())
        if query.batch_id is not None:
            wanted = [job for job in wanted if job.batch_id == query.batch_id]
        return _page(query, wanted)

    async def list_batches(self, query: BatchQuery) -> Page[BatchDocument]:
        self._check_store()
        wanted = self._readable(query, self.batches_by_group.values())
        return _page(query, [b for b in wanted if query.archived in {None, b.archived}])

    async def close(self) -> None:
        raise AssertionError("the api's handlers do not close the store")

    # What other services would do

    def append(self, group: str, n: int | None, event: Event, actor: str = "") -> None:
        """Let an event happen, and show it."""
        batch.evolve(self._groups[group], n, event)
        record = RecordedEvent(len(self.records) + 1, group, n, event, actor=actor)
        self.records.append(record)
        need = affected_documents([record])
        jobs = {i: self.jobs_by_id[i] for i in need.job_ids if i in self.jobs_by_id}
        groups = self.batches_by_group
        batches = {g: groups[g] for g in need.groups if g in groups}
        changes = fold([record], jobs, batches)
        self.jobs_by_id.update({job.job_id: job for job in changes.jobs})
        groups.update({b.group: b for b in changes.batches})
        for job_id in changes.deleted_jobs:
            self.jobs_by_id.pop(job_id, None)
        for gone in changes.deleted_groups:
            groups.pop(gone, None)
            kept = {i: job for i, job in self.jobs_by_id.items() if job.group != gone}
            self.jobs_by_id = kept

    async def complete(self, job_id: str, *more: tuple[str, str, bytes]) -> dict[str, FileRef]:
        """Do the job: a Markdown, the ``more`` files (path, media type, bytes), and a ZIP."""
        members = [("Ev/Tr/s.md", "text/markdown", "# Größe 🎉\n".encode()), *more]
        files = [await self._stored(*member) for member in members]
        bundle = Bundle(
            title="A title",
            event="Ev",
            track="Tr",
            target_dir="Ev/Tr",
            asset_dir="Ev/Tr/s",
            archive_filename="s.zip",
            markdown_file="Ev/Tr/s.md",
            files=files,
            web_text="long text",
            structured_data=msgspec.Raw(b'{"schema":"event-session/1"}'),
            page_texts=["page one"],
        )
        digest = await self.blobs.put(msgspec.json.encode(bundle))
        archive = await self._stored("s.zip", "application/zip", b"PK" + bytes(range(256)) * 8)
        key = parse_job_id(job_id)
        assert key is not None
        at = BEGINNING
        starts = JobsStarted(starts=[Start(key.n, 1)], deadline=at, at=at)
        self.append(key.group, None, starts, "scheduler")
        fetched = JobFetched(attempt=1, bundle=digest, files=files, at=at)
        self.append(key.group, key.n, fetched, "processor")
        self.append(key.group, key.n, JobCompleted(attempt=1, archive=archive, at=at), "archiver")
        return {file.path: file for file in [*files, archive]}

    async def pack(self, group: str, data: bytes, content: int | None = None) -> str:
        """What an archiver does for a batch, and the scheduler after it; the ZIP's sha256."""
        file = await self._stored("batch.zip", "application/zip", data)
        content = self.batches_by_group[group].content if content is None else content
        self.append(group, None, BatchZipBuilt(attempt=1, zip=file, content=content, at=BEGINNING))
        return file.sha256

    async def _stored(self, path: str, media_type: str, data: bytes) -> FileRef:
        digest = await self.blobs.put(data)
        return FileRef(path=path, sha256=digest, size_bytes=len(data), media_type=media_type)

    def _append(self, drafts: Iterable[decide.Draft], caller: Caller) -> None:
        for draft in drafts:
            self.append(draft.group, draft.n, draft.event, caller.user or "")

    def _now(self, caller: Caller) -> decide.Context:
        at = BEGINNING + timedelta(seconds=len(self.records)) + self.passed
        return decide.Context(caller, at, Policy())

    def _check_bus(self) -> None:
        if self.bus_fault is not None:
            raise self.bus_fault

    def _check_store(self) -> None:
        if self.store_fault is not None:
            raise self.store_fault

    def _readable(self, query: Any, documents: Iterable[Any]) -> list[Any]:
        return [
            d
            for d in documents
            if may_read(query.caller, d.owner, d.access)
            and query.status in {None, d.status}
            and query.owner in {None, d.owner}
        ]


class ReadableBlobs(MemoryBlobs):
    """Blobs that say when they are missing, and come in pieces."""

    async def get(self, sha256: str) -> bytes:
        if sha256 not in self.blobs:
            raise ArtifactMissing(f"there is no artifact {sha256}")
        return self.blobs[sha256]

    async def stream(
        self, sha256: str, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        data = (await self.get(sha256))[start:end]
        for place in range(0, len(data), 100):
            yield data[place : place + 100]


def _page(query: Any, documents: list[Any]) -> Page[Any]:
    def place(document: Any) -> tuple[int, int]:
        at = getattr(document, query.sort)
        return round(at.timestamp() * 1000), document.position

    is_falling = query.order == "desc"
    ordered = sorted(documents, key=place, reverse=is_falling)
    rest = ordered[query.skip :]
    if query.after is not None:
        after = query.after.time_ms, query.after.position
        rest = [d for d in ordered if place(d) != after and (place(d) < after) is is_falling]
    page = rest[: query.limit]
    follows = PageStart(*place(page[-1])) if page and len(rest) > len(page) else None
    return Page(len(ordered) if query.counted else None, page, follows)


def parameters(**changes: Any) -> dict[str, Any]:
    known = {
        "event": "Ev",
        "session": "Opening",
        "url": "https://conference.example/s/1",
        "filename": "s.md",
        "track": "Tr",
    }
    return known | changes


def job_body(**changes: Any) -> dict[str, Any]:
    return {"parameters": parameters()} | changes


def as_user(user: str | None) -> dict[str, str]:
    return {} if user is None else {"X-User-ID": user}
