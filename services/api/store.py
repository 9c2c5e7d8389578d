"""The projection's store, as its writer and its readers see it: two databases stand behind it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Generic, Literal, Protocol, TypeVar

import msgspec

from eventjob.domain.access import Caller
from services.api.read_model import BatchDocument, JobDocument, Status

Document = TypeVar("Document", JobDocument, BatchDocument)


class StoreUnavailable(Exception):
    """The database does not answer, or refuses; it may be back later."""


class StoreRefused(StoreUnavailable):
    """The database will not do, however long one waits: a person has to look."""


class JobQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Filters combine; only what ``caller`` may read is found and counted."""

    caller: Caller
    status: Status | None = None
    batch_id: str | None = None
    owner: str | None = None
    sort: Literal["created_at", "updated_at"] = "created_at"
    order: Literal["desc", "asc"] = "desc"
    limit: int = 100
    skip: int = 0


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


class Page(msgspec.Struct, Generic[Document], frozen=True):
    """Documents of one page, and how many there are on all pages."""

    total: int
    documents: list[Document]


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What a stretch of the log makes of the documents: whole new ones, and ids that are gone."""

    jobs: Sequence[JobDocument] = ()
    batches: Sequence[BatchDocument] = ()
    deleted_jobs: Collection[str] = ()
    deleted_groups: Collection[str] = ()  # with all their jobs
    after: int = 0  # the changes build on documents that reflect this sequence
    checkpoint: int  # the last sequence that this stretch reflects


class Store(Protocol):
    """Every method raises `StoreUnavailable`; a document is only ever written forward."""

    async def checkpoint(self) -> int:
        """The last sequence that the documents reflect; 0 for an empty projection."""

    async def apply(self, changes: Changes) -> None:
        """Write documents and checkpoint, so that no reader sees one without the other.

        Refused where the store is not as far as ``changes.after``: it was replaced meanwhile.
        """

    async def jobs(self, job_ids: Collection[str]) -> dict[str, JobDocument]:
        """The documents that exist of these."""

    async def batches(self, groups: Collection[str]) -> dict[str, BatchDocument]:
        """The batches that exist of these groups, by group."""

    async def job(self, job_id: str) -> JobDocument | None:
        """One job, whole."""

    async def batch(self, batch_id: str) -> BatchDocument | None:
        """One batch."""

    async def list_jobs(self, query: JobQuery) -> Page[JobDocument]:
        """A page of jobs and their exact total."""

    async def list_batches(self, query: BatchQuery) -> Page[BatchDocument]:
        """A page of batches and their exact total."""

    async def orphans(self, older_than: datetime, limit: int) -> list[str]:
        """Blobs, by sha256, whose last reference went before ``older_than``; oldest first."""

    async def forget_orphans(self, shas: Collection[str]) -> None:
        """These blobs are gone."""

    async def close(self) -> None:
        """Let go of the database."""
