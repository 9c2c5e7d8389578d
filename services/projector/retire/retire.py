"""Retire a batch: export its events, verify the export, and have them purged from the log.

The export is read back, and its fold must equal the documents, field by field. Only then is the
scheduler asked, which refuses if the batch has changed since.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime

import msgspec

from eventjob.artifacts.store import Artifacts
from eventjob.bus.log.raw import StoredMessage, is_forged, read_messages
from eventjob.bus.log.reading import merge
from eventjob.bus.roles.commands import CommandSender
from eventjob.bus.subjects import EVENTS, event_subject
from eventjob.bus.wire.connection import Connection
from eventjob.contracts.base import Access, Export
from eventjob.contracts.commands import FileBatch
from eventjob.contracts.events import BatchFiled
from eventjob.contracts.replies import Declined
from eventjob.domain.access import Caller
from eventjob.projection.differences import Pair
from eventjob.projection.fold import fold
from eventjob.projection.read_model import BatchDocument, JobDocument
from eventjob.projection.store import Store
from eventjob.retired.export_format import ExportBuilder, encode
from eventjob.retired.whole_log import WholeLog

PAGE_SIZE = 500
MAX_NAMED = 3  # differences in an error
# the actor that the log names; it may retire every batch
_CALLER = Caller("retention", trusted=True)


class NotRetirable(Exception):
    """The batch stays in the log; a later try may retire it."""


class Mismatch(Exception):
    """The batch's documents differ from its events: a person should look."""


class BatchExport(msgspec.Struct, frozen=True, kw_only=True):
    """A batch's events up to ``until``, as artifacts."""

    until: int
    exports: list[Export]

    @property
    def events(self) -> int:
        """The number of events."""
        return sum(export.events for export in self.exports)


async def candidates(store: Store, before: datetime) -> AsyncGenerator[BatchDocument]:
    """Yield the archived batches in the log that are unchanged since ``before``."""
    position = 0
    # by position, so that batches retired meanwhile shift nothing
    while page := await store.next_batches(position, PAGE_SIZE):
        for batch in page:
            position = max(position, batch.position)
            # an unfinished batch has reports to come, which its events must meet
            is_at_rest = batch.archived and batch.status in {"completed", "failed"}
            if is_at_rest and not batch.exports and batch.updated_at < before:
                yield batch


async def retire_batch(
    batch: BatchDocument,
    *,
    connection: Connection,
    store: Store,
    artifacts: Artifacts,
    commands: CommandSender,
) -> BatchExport:
    """Retire the batch and return its export; the events have then left the log.

    Interrupted at any moment, it leaves the batch either as it was or retired.

    Raises:
        NotRetirable: the batch has changed, or the documents lag.
        Mismatch: the documents differ from the events.
        NoAnswer: the scheduler decides once it is back.
        ArtifactsUnavailable, Poison, StoreUnavailable, Unavailable: a dependency is away or broken.
    """
    exported = await _export_events(batch.group, connection, artifacts)
    await _compare(batch, exported, WholeLog(connection, artifacts), store)
    command = FileBatch(batch_id=batch.batch_id, until=exported.until, exports=exported.exports)
    reply = await commands.send(command, group=batch.group, caller=_CALLER)
    if isinstance(reply, Declined):
        raise NotRetirable(reply.message)
    return exported


async def _export_events(group: str, connection: Connection, artifacts: Artifacts) -> BatchExport:
    """Export the group's events as of now; any later event invalidates the export."""
    last = await WholeLog(connection, artifacts).last_sequence()
    subject = event_subject(group)
    until = 0
    exports: list[Export] = []
    builder = ExportBuilder()

    async def store_export(events: list[StoredMessage]) -> None:
        if events:
            sha256 = await artifacts.put(encode(events))
            exports.append(Export(sha256=sha256, events=len(events)))

    async with (
        aclosing(read_messages(connection, EVENTS, 0, subject)) as first,
        aclosing(read_messages(connection, EVENTS, 0, f"{subject}.*")) as second,
        aclosing(merge(first, second)) as stretches,
    ):
        async for stretch in stretches:
            # what was appended after `last` shows as a changed batch: the scheduler refuses then
            messages = [m for m in stretch if m.sequence <= last and not is_forged(m)]
            until = messages[-1].sequence if messages else until
            for full in builder.add(messages):
                await store_export(full)
    await store_export(builder.flush())
    return BatchExport(until=until, exports=exports)


async def _compare(
    batch: BatchDocument, exported: BatchExport, log: WholeLog, store: Store
) -> None:
    """Read the export back and compare its fold with the documents."""
    jobs: dict[str, JobDocument] = {}
    batches: dict[str, BatchDocument] = {}
    async with aclosing(log.read_exported(_make_event(batch, exported))) as stretches:
        async for stretch in stretches:
            changes = fold(stretch, jobs, batches)
            jobs |= {job.job_id: job for job in changes.jobs}
            batches |= {document.group: document for document in changes.batches}
            for job_id in changes.deleted_jobs:
                jobs.pop(job_id, None)
    logged = batches.get(batch.group)
    stored = (await store.batches({batch.group})).get(batch.group)
    if logged is None or stored is None or stored.sequence != logged.sequence:
        raise NotRetirable("it is changing right now, or the documents are behind")
    # the exports replace the log: they must give exactly the documents
    differences = [f"batch: {line}" for line in Pair(stored, logged).differences()]
    ids = sorted(jobs)
    for first in range(0, len(ids), PAGE_SIZE):
        part = ids[first : first + PAGE_SIZE]
        documents = await store.jobs(set(part))
        for job_id in part:
            pair = Pair(documents.get(job_id), jobs[job_id])
            differences += [f"job {job_id}: {line}" for line in pair.differences()]
    if differences:
        raise Mismatch("; ".join(differences[:MAX_NAMED]))


def _make_event(batch: BatchDocument, exported: BatchExport) -> BatchFiled:
    return BatchFiled(
        batch_id=batch.batch_id,
        until=exported.until,
        exports=exported.exports,
        completed=0,
        owner=None,
        access=Access(),
        at=batch.updated_at,
    )
