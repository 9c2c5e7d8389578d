"""The event log including the exported events of retired batches, read as one.

Retiring appends `BatchFiled` first, then purges the batch's own subject, then those of its jobs.
So while the own subject begins with another event, the whole batch is still in the log.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from eventjob.artifacts.store import ArtifactMissing, Artifacts, ArtifactsUnavailable
from eventjob.bus.errors import Poison, Unavailable
from eventjob.bus.log.log import EventLog, concerns
from eventjob.bus.wire.connection import Connection
from eventjob.contracts.events import BatchDeleted, BatchFiled
from eventjob.domain.ids import batch_group, is_batch
from eventjob.domain.recorded_event import RecordedEvent
from eventjob.retired.export_format import decode


class WholeLog(EventLog):
    """The EVENTS stream plus exports in the artifact store.

    Besides what `EventLog` raises: `Unavailable` if the artifacts are away, `Poison` if an export
    is missing or broken.
    """

    def __init__(self, connection: Connection, artifacts: Artifacts) -> None:
        super().__init__(connection)
        self._artifacts = artifacts

    async def read_exported(self, event: BatchFiled) -> AsyncGenerator[list[RecordedEvent]]:
        """Yield the exported events of a batch and its jobs, in stretches."""
        for export in event.exports:
            try:
                data = await self._artifacts.get(export.sha256)
            except ArtifactMissing as error:
                # a deletion removes the exports: then nothing is left to read
                if await self._is_deleted(event):
                    return
                raise Poison(f"the exported events of {event.batch_id}: {error}") from error
            except ArtifactsUnavailable as error:
                raise Unavailable(f"the exported events of {event.batch_id}: {error}") from error
            # unpacking takes too long for the event loop
            stretch = await asyncio.to_thread(decode, data)
            if len(stretch) != export.events:
                raise Poison(
                    f"the exported events of {event.batch_id}: artifact {export.sha256} has "
                    f"{len(stretch)} instead of {export.events}"
                )
            yield stretch

    async def read(self, group: str, n: int | None = None) -> list[RecordedEvent]:
        """See `EventLog.read`."""
        records = await super().read(group, n)
        retired = _retired_in(records)
        if retired is None:
            return records
        exported = []
        async with aclosing(self.read_exported(retired)) as stretches:
            async for stretch in stretches:
                exported += [r for r in stretch if _concerns(r, n)]
        return exported + [record for record in records if record.sequence > retired.until]

    async def read_with_jobs(self, group: str) -> AsyncGenerator[list[RecordedEvent]]:
        """See `EventLog.read_with_jobs`."""
        retired = await self._find_retired(group)
        if retired is not None:
            async with aclosing(self.read_exported(retired)) as exports:
                async for stretch in exports:
                    yield stretch
        until = 0 if retired is None else retired.until
        is_first = True
        async with aclosing(super().read_with_jobs(group)) as stretches:
            async for stretch in stretches:
                # the batch may be retired while this reads it
                if is_first and retired is None:
                    await self._check_not_retired(group)
                is_first = False
                if rest := [record for record in stretch if record.sequence > until]:
                    yield rest
        if retired is None:
            await self._check_not_retired(group)

    async def _is_deleted(self, event: BatchFiled) -> bool:
        """True if the batch was deleted meanwhile, and its exports with it."""
        records = await super().read(batch_group(event.batch_id))
        return any(isinstance(record.event, BatchDeleted) for record in records)

    async def _check_not_retired(self, group: str) -> None:
        """Raise `Unavailable` if events were purged since the read began: they would be missing."""
        if await self._find_retired(group) is not None:
            raise Unavailable(f"the events of {group} were exported just now")

    async def _find_retired(self, group: str) -> BatchFiled | None:
        """Return the retirement event if the batch's events have left the log."""
        if not is_batch(group):
            return None
        first = await self.read_first(group)
        return None if first is None else _retired_in([first])


def _retired_in(records: list[RecordedEvent]) -> BatchFiled | None:
    return next((r.event for r in records if isinstance(r.event, BatchFiled)), None)


def _concerns(record: RecordedEvent, n: int | None) -> bool:
    if record.n is not None:
        return record.n == n
    return n is None or concerns(record.event, n)
