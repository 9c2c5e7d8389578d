"""Compare the stored documents with the log and name what differs.

A running deployment goes on writing. So what differs at first is read again and compared at the
event that each document reflects. Only what differs every time counts.
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
from services.projector.apply import Events, read_log_end
from services.projector.rebuild.rebuild import GenerationBuilder, RebuildProgress, Report

PAGE = 500
PAUSES_S = (0.0, 0.5, 2.0)  # before each comparison of what seems to differ
CATCH_UP_TIMEOUT_S = 5.0


class DocumentKind(msgspec.Struct, Generic[Document], frozen=True, kw_only=True):
    """How to walk over documents of a kind and load them."""

    name: str
    key: Callable[[Document], str]
    next_page: Callable[[Store, int], Awaitable[list[Document]]]
    load: Callable[[Store, Collection[str]], Awaitable[dict[str, Document]]]


JOBS = DocumentKind[JobDocument](
    name="job",
    key=lambda job: job.job_id,
    next_page=lambda store, position: store.next_jobs(position, PAGE),
    load=lambda store, keys: store.jobs(keys),
)
BATCHES = DocumentKind[BatchDocument](
    name="batch",
    key=lambda batch: batch.group,
    next_page=lambda store, position: store.next_batches(position, PAGE),
    load=lambda store, keys: store.batches(keys),
)


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a check; each difference is a line that names its document."""

    differences: list[str]
    documents: int
    reflected: int  # the last event that the documents reflect at the end
    last: int  # the log's newest event at the start; the documents lag if `reflected` is less
    progress: RebuildProgress


async def check(events: Events, store: Store, report: Report, stop: Stop) -> CheckReport:
    """Return every difference; readers stay on their generation.

    Raises:
        Interrupted, AnotherLog, Poison, Unavailable, StoreUnavailable: the check failed.
    """
    last = await read_log_end(events, await store.checkpoint())
    generation = await store.create_generation()
    try:
        # a generation of its own: readers never see it, and closing removes it
        builder = GenerationBuilder(events, generation, report, stop)
        reflected = await store.checkpoint()
        await builder.fold_to(reflected)
        # else the jobs of a batch retired meanwhile would seem to be missing in the log
        await builder.fold_retired_later(reflected, last)
        comparison = ProjectionCheck(events, store, generation, builder)
        differences = [*await comparison.differences(BATCHES), *await comparison.differences(JOBS)]
    finally:
        await generation.close()
    return CheckReport(
        differences=differences,
        documents=comparison.documents,
        reflected=await store.checkpoint(),
        last=last,
        progress=builder.progress,
    )


class ProjectionCheck:
    """Compares the projection with a generation folded at most as far."""

    def __init__(
        self, events: Events, store: Store, generation: Store, builder: GenerationBuilder
    ) -> None:
        self.documents = 0
        self._events = events
        self._store = store
        self._generation = generation
        self._builder = builder

    async def differences(self, kind: DocumentKind[Document]) -> list[str]:
        """Return the differences of one kind of documents, as lines."""
        suspects: Collection[str] = await self._find_suspects(kind)
        unequal: dict[str, Pair[Document]] = {}
        # a document that merely changes differs once; a wrong one, every time
        for pause_s in PAUSES_S:
            if not suspects:
                return []
            await asyncio.sleep(pause_s)
            ordered = sorted(suspects)
            unequal = {}
            for first in range(0, len(ordered), PAGE):
                part = ordered[first : first + PAGE]
                unequal |= {key: pair async for key, pair in self._compare(kind, part)}
            suspects = unequal.keys()
        return [
            f"{kind.name} {pair.name}: {line}"
            for pair in unequal.values()
            for line in pair.differences()
        ]

    async def _find_suspects(self, kind: DocumentKind[Document]) -> set[str]:
        """Walk over both side by side and return the keys of documents that differ."""
        suspects: set[str] = set()
        async with (
            aclosing(_walk(kind, self._store)) as ours,
            aclosing(_walk(kind, self._generation)) as theirs,
        ):
            one, other = await anext(ours, None), await anext(theirs, None)
            while one is not None or other is not None:
                self._builder.check_stop()
                is_one = one is not None and (other is None or one.position <= other.position)
                is_other = other is not None and (one is None or other.position <= one.position)
                self.documents += is_one
                if one != other:
                    here = [one if is_one else None, other if is_other else None]
                    suspects |= {kind.key(document) for document in here if document is not None}
                one = await anext(ours, None) if is_one else one
                other = await anext(theirs, None) if is_other else other
        return suspects

    async def _compare(
        self, kind: DocumentKind[Document], keys: list[str]
    ) -> AsyncGenerator[tuple[str, Pair[Document]]]:
        """Yield the documents that differ at the event that each of them reflects.

        An older document is compared with the log at the checkpoint, a newer one at its own event.
        """
        checkpoint = await self._checkpoint()
        read = await kind.load(self._store, keys)
        last = await self._events.last_sequence()  # a document beyond it is corrupt, not newer
        await self._builder.fold_to(checkpoint)
        moved = {
            key: document
            for key, document in read.items()
            if checkpoint < document.sequence <= last
        }
        logged = await kind.load(self._generation, keys)
        for key in keys:
            pair = Pair(read.get(key), logged.get(key))
            if key not in moved and not pair.is_equal:
                yield key, pair
        for key, document in sorted(moved.items(), key=lambda item: item[1].sequence):
            await self._builder.fold_to(document.sequence)
            pair = Pair(document, (await kind.load(self._generation, [key])).get(key))
            if not pair.is_equal:
                yield key, pair

    async def _checkpoint(self) -> int:
        """Return the projection's checkpoint; wait until it is past the folded generation."""
        for _ in range(round(CATCH_UP_TIMEOUT_S / 0.1)):
            self._builder.check_stop()
            checkpoint = await self._store.checkpoint()
            if checkpoint >= self._builder.sequence:
                return checkpoint
            await asyncio.sleep(0.1)
        raise StoreMoved("the projection did not catch up: it was reset, or no projector runs")


async def _walk(kind: DocumentKind[Document], store: Store) -> AsyncGenerator[Document]:
    position = 0
    while page := await kind.next_page(store, position):
        for document in page:
            yield document
        furthest = max(document.position for document in page)
        if furthest <= position:  # a wrong position must not make this endless
            return
        position = furthest
