"""The projection's store, as its writer and its readers see it: two databases stand behind it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Generic, Literal, Protocol, TypeVar

import msgspec

from eventjob.domain.access import Caller
from eventjob.projection.read_model import BatchDocument, JobDocument, Status

Document = TypeVar("Document", JobDocument, BatchDocument)


class StoreUnavailable(Exception):
    """The database does not answer, or refuses; it may be back later."""


class StoreMoved(StoreUnavailable):
    """Somebody else wrote meanwhile: begin again at the checkpoint."""


class StoreRefused(StoreUnavailable):
    """The database will not do, however long one waits: a person has to look."""


class PageStart(msgspec.Struct, frozen=True):
    """Where a page begins: behind the document whose sorted time and position these are."""

    time_ms: int  # since 1970, of the field that is sorted by
    position: int


def milliseconds(at: datetime) -> int:
    """An instant as stores sort by it: milliseconds since 1970."""
    return round(at.timestamp() * 1000)


class JobQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Filters combine; only what ``caller`` may read is found and counted.

    A page begins behind ``after`` where that is given, else behind ``skip`` documents.
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
    counted: bool = True  # whether the total is wanted, which costs more the more there are


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
    counted: bool = True  # whether the total is wanted, which costs more the more there are


class Page(msgspec.Struct, Generic[Document], frozen=True):
    """Documents of one page, and how many there are on all pages, where that was wanted.

    ``next`` is where the following page begins; None where nothing follows.
    """

    total: int | None
    documents: list[Document]
    next: PageStart | None = None


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What a stretch of the log makes of the documents: whole new ones, and ids that are gone."""

    jobs: Sequence[JobDocument] = ()
    batches: Sequence[BatchDocument] = ()
    deleted_jobs: Collection[str] = ()
    deleted_groups: Collection[str] = ()  # with all their jobs
    dropped: Collection[str] = ()  # blobs that were named meanwhile, perhaps by no document now
    after: int = 0  # the changes build on documents that reflect this sequence
    checkpoint: int  # the last sequence that this stretch reflects


class Store(Protocol):
    """Every method raises `StoreUnavailable`; a document is only ever written forward."""

    async def checkpoint(self) -> int:
        """The last sequence that the documents reflect; 0 for an empty projection."""

    async def apply(self, changes: Changes) -> None:
        """Write documents, then the checkpoint; a document that is there in a later state stays.

        Raises:
            StoreMoved: another writer came first: the checkpoint is not ``changes.after``; or a
                rebuild: what was read or written here before was replaced since, maybe up to
                the same checkpoint. Nothing that readers see has changed.
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
        """A page of jobs; ties are broken by position, in the order that is asked for."""

    async def list_batches(self, query: BatchQuery) -> Page[BatchDocument]:
        """A page of batches."""

    async def next_jobs(self, position: int, limit: int) -> list[JobDocument]:
        """The first jobs behind this position, in the order of positions: to walk all of them."""

    async def next_batches(self, position: int, limit: int) -> list[BatchDocument]:
        """The first batches behind this position, in the order of positions."""

    async def beside(self) -> "Store":
        """A new, empty projection in the same database that nobody reads but who asked for it.

        What an earlier rebuild left there is removed. Closing it removes it, unless it was adopted.
        """

    async def adopt(self, other: "Store") -> bool:
        """From now on all read and write what `beside` gave; False where it is behind this one.

        The switch is one step for every reader in every process; no read sees half of it. What
        was read until now is removed.
        """

    async def orphans(self, older_than: datetime, limit: int) -> list[str]:
        """Blobs, by sha256, whose last reference went before ``older_than``; oldest first."""

    async def unreferenced(self, shas: Collection[str]) -> set[str]:
        """Those of these blobs that no document refers to."""

    async def forget_orphans(self, shas: Collection[str]) -> None:
        """These blobs are gone."""

    async def close(self) -> None:
        """Let go of the database."""
