"""The event log for its readers: what was exported is read as if it had never left.

A filing appends its event first, then purges the batch's own subject, and then those of its jobs.
So as long as the batch's own subject begins with anything else, all of it is still in the log.
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
from eventjob.retired.exports import decode


class WholeLog(EventLog):
    """The stream EVENTS, and the artifacts to which events of batches were exported.

    Besides what `EventLog` raises, an export that cannot be read is `Unavailable` where the
    artifacts are away, and `Poison` where it is missing or broken.
    """

    def __init__(self, connection: Connection, artifacts: Artifacts) -> None:
        super().__init__(connection)
        self._artifacts = artifacts

    async def exported(self, event: BatchFiled) -> AsyncGenerator[list[RecordedEvent]]:
        """The events of a batch and its jobs that have left the log, in stretches."""
        for export in event.exports:
            try:
                data = await self._artifacts.get(export.sha256)
            except ArtifactMissing as error:
                if await self._is_deleted(event):
                    return
                raise Poison(f"the exported events of {event.batch_id}: {error}") from error
            except ArtifactsUnavailable as error:
                raise Unavailable(f"the exported events of {event.batch_id}: {error}") from error
            stretch = await asyncio.to_thread(decode, data)
            if len(stretch) != export.events:
                raise Poison(
                    f"the exported events of {event.batch_id}: artifact {export.sha256} has "
                    f"{len(stretch)} instead of {export.events}"
                )
            yield stretch

    async def read(self, group: str, n: int | None = None) -> list[RecordedEvent]:
        """As `EventLog.read`."""
        records = await super().read(group, n)
        filed = _filed_in(records)
        if filed is None:
            return records
        found = []
        async with aclosing(self.exported(filed)) as stretches:
            async for stretch in stretches:
                found += [r for r in stretch if _is_of(r, n)]
        return found + [record for record in records if record.sequence > filed.until]

    async def read_with_jobs(self, group: str) -> AsyncGenerator[list[RecordedEvent]]:
        """As `EventLog.read_with_jobs`."""
        filed = await self._filed(group)
        if filed is not None:
            async with aclosing(self.exported(filed)) as exports:
                async for stretch in exports:
                    yield stretch
        until = 0 if filed is None else filed.until
        is_first = True
        async with aclosing(super().read_with_jobs(group)) as stretches:
            async for stretch in stretches:
                if is_first and filed is None:
                    await self._check_not_filed(group)
                is_first = False
                if rest := [record for record in stretch if record.sequence > until]:
                    yield rest
        if filed is None:
            await self._check_not_filed(group)

    async def _is_deleted(self, event: BatchFiled) -> bool:
        """Whether the batch went meanwhile, and what it had with it."""
        records = await super().read(batch_group(event.batch_id))
        return any(isinstance(record.event, BatchDeleted) for record in records)

    async def _check_not_filed(self, group: str) -> None:
        """What was purged since the reading began would be missing without a word."""
        if await self._filed(group) is not None:
            raise Unavailable(f"the events of {group} were exported just now")

    async def _filed(self, group: str) -> BatchFiled | None:
        """The filing, where the batch's events are no longer in the log."""
        if not is_batch(group):
            return None
        first = await self.read_first(group)
        return None if first is None else _filed_in([first])


def _filed_in(records: list[RecordedEvent]) -> BatchFiled | None:
    return next((r.event for r in records if isinstance(r.event, BatchFiled)), None)


def _is_of(record: RecordedEvent, n: int | None) -> bool:
    if record.n is not None:
        return record.n == n
    return n is None or concerns(record.event, n)
