"""The interface of the projection's store, which SQLite and MongoDB implement."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Generic, Literal, Protocol, TypeVar

import msgspec

from eventjob.domain.access import Caller
from eventjob.projection.read_model import BatchDocument, JobDocument, Status

Document = TypeVar("Document", JobDocument, BatchDocument)


class StoreUnavailable(Exception):
    """The database does not answer or refuses; a later try may succeed."""


class StoreMoved(StoreUnavailable):
    """Another writer came first: start again at the checkpoint."""


class StoreRefused(StoreUnavailable):
    """The database is unusable until a person changes something."""


class PageStart(msgspec.Struct, frozen=True):
    """Where a page starts: after the document with this sorted time and position."""

    time_ms: int  # since 1970, of the field sorted by
    position: int


def milliseconds(at: datetime) -> int:
    """Return an instant as stores sort by it: milliseconds since 1970."""
    return round(at.timestamp() * 1000)


class JobQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Filters combine; only what ``caller`` may read is found and counted.

    A page starts after ``after`` if set, else after ``skip`` documents.
    """

    caller: Caller
    status: Status | None = None
    batch_id: str | None = None
    owner: str | None = None
    sort: Literal["created_at", "updated_at"] = "created_at"
    order: Literal["desc", "asc"] = "desc"
    limit: int = 100
    skip: int = 0
    after: PageStart | None = None
    counted: bool = True  # True to count the total, at a cost that grows with it


class BatchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """As `JobQuery`; ``archived`` None finds both."""

    caller: Caller
    status: Status | None = None
    archived: bool | None = False
    owner: str | None = None
    sort: Literal["created_at", "updated_at"] = "created_at"
    order: Literal["desc", "asc"] = "desc"
    limit: int = 100
    skip: int = 0
    after: PageStart | None = None
    counted: bool = True  # True to count the total, at a cost that grows with it


class Page(msgspec.Struct, Generic[Document], frozen=True):
    """Documents of one page, the total if it was requested, and where the next page starts.

    ``next`` is None on the last page.
    """

    total: int | None
    documents: list[Document]
    next: PageStart | None = None


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What a stretch changes: whole new documents, and the ids of deleted ones."""

    jobs: Sequence[JobDocument] = ()
    batches: Sequence[BatchDocument] = ()
    deleted_jobs: Collection[str] = ()
    deleted_groups: Collection[str] = ()  # with all their jobs
    dropped: Collection[str] = ()  # blobs that were referenced, and may be orphans now
    after: int = 0  # the sequence that these changes build on
    checkpoint: int  # the last sequence of the stretch


class Store(Protocol):
    """Stores documents, which only move forward; every method may raise `StoreUnavailable`."""

    async def checkpoint(self) -> int:
        """Return the last sequence that the documents reflect; 0 when empty."""

    async def apply(self, changes: Changes) -> None:
        """Write documents, then the checkpoint; a document stored in a later state stays.

        Raises:
            StoreMoved: another writer moved the checkpoint from ``changes.after``, or a rebuild
                replaced the generation read before. Nothing that readers see has changed.
        """

    async def jobs(self, job_ids: Collection[str]) -> dict[str, JobDocument]:
        """Return the existing ones of these jobs, by id."""

    async def batches(self, groups: Collection[str]) -> dict[str, BatchDocument]:
        """Return the existing batches of these groups, by group."""

    async def job(self, job_id: str) -> JobDocument | None:
        """Return a job."""

    async def batch(self, batch_id: str) -> BatchDocument | None:
        """Return a batch."""

    async def list_jobs(self, query: JobQuery) -> Page[JobDocument]:
        """Return a page of jobs; equal times are sorted by position in the same order."""

    async def list_batches(self, query: BatchQuery) -> Page[BatchDocument]:
        """Return a page of batches."""

    async def next_jobs(self, position: int, limit: int) -> list[JobDocument]:
        """Return the first jobs after this position, by position: to walk all of them."""

    async def next_batches(self, position: int, limit: int) -> list[BatchDocument]:
        """Return the first batches after this position, by position."""

    async def create_generation(self) -> "Store":
        """Create an empty projection in the same database, read only through the returned store.

        It replaces what an earlier rebuild left. Closing it removes it, unless it was adopted.
        """

    async def adopt(self, new_generation: "Store") -> bool:
        """Switch all readers and writers to a created generation; False if it lags behind this one.

        One step for every reader in every process. The replaced generation is removed.
        """

    async def orphans(self, older_than: datetime, limit: int) -> list[str]:
        """Return blobs, by sha256, that lost their last reference before then; oldest first."""

    async def unreferenced(self, shas: Collection[str]) -> set[str]:
        """Return those of these blobs that lack a reference."""

    async def forget_orphans(self, shas: Collection[str]) -> None:
        """Forget these blobs, which were deleted."""

    async def close(self) -> None:
        """Close the connections."""
