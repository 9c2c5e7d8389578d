"""Takes the events of a batch out of the log, once what they say is safe somewhere else.

They are exported, and read back; the documents must be what the export says, field by field. Only
then is the scheduler told, which refuses where anything has happened to the batch since.
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
from eventjob.retired.exports import ExportBuilder, encode
from eventjob.retired.whole_log import WholeLog

PAGE = 500
MOST_NAMED = 3  # differences that are told
_WHOEVER = Caller("retention", trusted=True)


class NotRetirable(Exception):
    """The batch stays as it is; another time it may be filed."""


class Different(Exception):
    """The batch's documents are not what its events say: a person should look."""


class BatchExport(msgspec.Struct, frozen=True, kw_only=True):
    """A batch's events up to ``until``, as artifacts."""

    until: int
    exports: list[Export]

    @property
    def events(self) -> int:
        """How many there are."""
        return sum(export.events for export in self.exports)


async def candidates(store: Store, before: datetime) -> AsyncGenerator[BatchDocument]:
    """The archived batches that last changed before then and are not filed, oldest first.

    Raises:
        StoreUnavailable: the store is away.
    """
    position = 0
    while page := await store.next_batches(position, PAGE):
        for batch in page:
            position = max(position, batch.position)
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
    """The batch's events, which have left the log when this returns.

    Interrupted at any moment it leaves the batch as it is, or filed.

    Raises:
        LeftAlone: the batch has changed, or the documents are behind.
        Different: the documents are not what the events say.
        NoAnswer: it is decided when there is a scheduler again.
        ArtifactsUnavailable, Poison, StoreUnavailable, Unavailable: something is away, or broken.
    """
    exported = await _export(batch.group, connection, artifacts)
    await _compare(batch, exported, WholeLog(connection, artifacts), store)
    command = FileBatch(batch_id=batch.batch_id, until=exported.until, exports=exported.exports)
    reply = await commands.send(command, group=batch.group, caller=_WHOEVER)
    if isinstance(reply, Declined):
        raise NotRetirable(reply.message)
    return exported


async def _export(group: str, connection: Connection, artifacts: Artifacts) -> BatchExport:
    """What the log holds of the group at this moment; what comes later makes it worthless."""
    last = await WholeLog(connection, artifacts).last_sequence()
    own = event_subject(group)
    until = 0
    exports: list[Export] = []
    cutting = ExportBuilder()

    async def put(events: list[StoredMessage]) -> None:
        if events:
            sha256 = await artifacts.put(encode(events))
            exports.append(Export(sha256=sha256, events=len(events)))

    async with (
        aclosing(read_messages(connection, EVENTS, 0, own)) as first,
        aclosing(read_messages(connection, EVENTS, 0, f"{own}.*")) as second,
        aclosing(merge(first, second)) as stretches,
    ):
        async for stretch in stretches:
            known = [m for m in stretch if m.sequence <= last and not is_forged(m)]
            until = known[-1].sequence if known else until
            for full in cutting.add(known):
                await put(full)
    await put(cutting.rest())
    return BatchExport(until=until, exports=exports)


async def _compare(
    batch: BatchDocument, exported: BatchExport, log: WholeLog, store: Store
) -> None:
    """Read the export back, and hold the documents against it."""
    jobs: dict[str, JobDocument] = {}
    batches: dict[str, BatchDocument] = {}
    async with aclosing(log.exported(_as_filed(batch, exported))) as stretches:
        async for stretch in stretches:
            changes = fold(stretch, jobs, batches)
            jobs |= {job.job_id: job for job in changes.jobs}
            batches |= {found.group: found for found in changes.batches}
            for job_id in changes.deleted_jobs:
                jobs.pop(job_id, None)
    logged = batches.get(batch.group)
    read_now = (await store.batches({batch.group})).get(batch.group)
    if logged is None or read_now is None or read_now.sequence != logged.sequence:
        raise NotRetirable("it changes just now, or the documents are behind")
    differences = [f"batch: {line}" for line in Pair(read_now, logged).differences()]
    ids = sorted(jobs)
    for first in range(0, len(ids), PAGE):
        some = ids[first : first + PAGE]
        found = await store.jobs(set(some))
        for job_id in some:
            pair = Pair(found.get(job_id), jobs[job_id])
            differences += [f"job {job_id}: {line}" for line in pair.differences()]
    if differences:
        raise Different("; ".join(differences[:MOST_NAMED]))


def _as_filed(batch: BatchDocument, exported: BatchExport) -> BatchFiled:
    return BatchFiled(
        batch_id=batch.batch_id,
        until=exported.until,
        exports=exported.exports,
        completed=0,
        owner=None,
        access=Access(),
        at=batch.updated_at,
    )
