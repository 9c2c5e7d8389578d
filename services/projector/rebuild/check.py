"""Compares the documents that are read with what the log makes of them, and names what differs.

A deployment that runs goes on writing meanwhile. So what looks different in a walk over both is
read again, the log is folded to just the event that each document reflects, and only what is
different every time counts.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import aclosing
from typing import Generic

import msgspec

from eventjob.projection.differences import Pair
from eventjob.projection.read_model import BatchDocument, JobDocument
from eventjob.projection.store import Document, Store, StoreMoved
from eventjob.runtime.lifecycle import Stop
from services.projector.apply import Events, end_of
from services.projector.rebuild.rebuild import GenerationBuilder, RebuildProgress, Tell

PAGE = 500
PAUSES_S = (0.0, 0.5, 2.0)  # before each look at what seems to differ
PATIENCE_S = 5.0


class DocumentKind(msgspec.Struct, Generic[Document], frozen=True, kw_only=True):
    """How documents of a kind are walked over and found again."""

    name: str
    key: Callable[[Document], str]
    behind: Callable[[Store, int], Awaitable[list[Document]]]
    found: Callable[[Store, Collection[str]], Awaitable[dict[str, Document]]]


JOBS = DocumentKind[JobDocument](
    name="job",
    key=lambda job: job.job_id,
    behind=lambda store, position: store.next_jobs(position, PAGE),
    found=lambda store, keys: store.jobs(keys),
)
BATCHES = DocumentKind[BatchDocument](
    name="batch",
    key=lambda batch: batch.group,
    behind=lambda store, position: store.next_batches(position, PAGE),
    found=lambda store, keys: store.batches(keys),
)


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. A difference is a line that names its document."""

    differences: list[str]
    documents: int
    reflected: int  # the last event that the documents reflect when all is compared
    last: int  # the log's newest event when that began: where `reflected` is less, they are behind
    progress: RebuildProgress


async def check(events: Events, store: Store, tell: Tell, stop: Stop) -> CheckReport:
    """Every difference; nothing is switched.

    Raises:
        Interrupted, AnotherLog, Poison, Unavailable, StoreUnavailable: nobody can say.
    """
    last = await end_of(events, await store.checkpoint())
    beside = await store.beside()
    try:
        building = GenerationBuilder(events, beside, tell, stop)
        reflected = await store.checkpoint()
        await building.reach(reflected)
        await building.look_ahead(reflected, last)
        checking = ProjectionCheck(events, store, beside, building)
        differences = [*await checking.differences(BATCHES), *await checking.differences(JOBS)]
    finally:
        await beside.close()
    return CheckReport(
        differences=differences,
        documents=checking.documents,
        reflected=await store.checkpoint(),
        last=last,
        progress=building.progress,
    )


class ProjectionCheck:
    """Looks at the projection that is read, and at one beside it that is never ahead of it."""

    def __init__(
        self, events: Events, store: Store, beside: Store, building: GenerationBuilder
    ) -> None:
        self.documents = 0
        self._events = events
        self._store = store
        self._beside = beside
        self._building = building

    async def differences(self, kind: DocumentKind[Document]) -> list[str]:
        """The differences of one kind of documents, as lines."""
        suspects: Collection[str] = await self._suspects(kind)
        found: dict[str, Pair[Document]] = {}
        for pause_s in PAUSES_S:
            if not suspects:
                return []
            await asyncio.sleep(pause_s)
            ordered = sorted(suspects)
            found = {}
            for first in range(0, len(ordered), PAGE):
                some = ordered[first : first + PAGE]
                found |= {key: pair async for key, pair in self._unequal(kind, some)}
            suspects = found.keys()
        return [
            f"{kind.name} {pair.name}: {line}"
            for pair in found.values()
            for line in pair.differences()
        ]

    async def _suspects(self, kind: DocumentKind[Document]) -> set[str]:
        """Keys of what a walk over both, side by side, does not find to be equal."""
        suspects: set[str] = set()
        async with (
            aclosing(_walk(kind, self._store)) as ours,
            aclosing(_walk(kind, self._beside)) as theirs,
        ):
            one, other = await anext(ours, None), await anext(theirs, None)
            while one is not None or other is not None:
                self._building.check_stop()
                is_one = one is not None and (other is None or one.position <= other.position)
                is_other = other is not None and (one is None or other.position <= one.position)
                self.documents += is_one
                if one != other:
                    here = [one if is_one else None, other if is_other else None]
                    suspects |= {kind.key(document) for document in here if document is not None}
                one = await anext(ours, None) if is_one else one
                other = await anext(theirs, None) if is_other else other
        return suspects

    async def _unequal(
        self, kind: DocumentKind[Document], keys: list[str]
    ) -> AsyncGenerator[tuple[str, Pair[Document]]]:
        """Those that differ at the event that each document reflects.

        What is read after the checkpoint reflects it at least: an older document must be as the
        log has it there, a newer one as the log has it at the document's own event.
        """
        checkpoint = await self._checkpoint()
        read = await kind.found(self._store, keys)
        last = await self._events.last_sequence()  # what is ahead of the log has not moved
        await self._building.reach(checkpoint)
        moved = {
            key: document
            for key, document in read.items()
            if checkpoint < document.sequence <= last
        }
        logged = await kind.found(self._beside, keys)
        for key in keys:
            pair = Pair(read.get(key), logged.get(key))
            if key not in moved and not pair.is_equal:
                yield key, pair
        for key, document in sorted(moved.items(), key=lambda item: item[1].sequence):
            await self._building.reach(document.sequence)
            pair = Pair(document, (await kind.found(self._beside, [key])).get(key))
            if not pair.is_equal:
                yield key, pair

    async def _checkpoint(self) -> int:
        """Where the projection is; it may take a moment until it says what it shows already."""
        for _ in range(round(PATIENCE_S / 0.1)):
            self._building.check_stop()
            checkpoint = await self._store.checkpoint()
            if checkpoint >= self._building.sequence:
                return checkpoint
            await asyncio.sleep(0.1)
        raise StoreMoved("the projection went back meanwhile, or nobody goes on with it")


async def _walk(kind: DocumentKind[Document], store: Store) -> AsyncGenerator[Document]:
    position = 0
    while page := await kind.behind(store, position):
        for document in page:
            yield document
        furthest = max(document.position for document in page)
        if furthest <= position:  # what a document says of itself may be what is wrong
            return
        position = furthest
