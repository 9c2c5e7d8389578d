"""Append drafted events in few atomic batches, each with expected sequences."""

from collections.abc import Iterator, Sequence

from eventjob.bus.log.event_codec import NewEvent
from eventjob.bus.log.log import EventLog
from eventjob.bus.subjects import event_subject
from eventjob.bus.wire.publish import MAX_BATCH_MESSAGES
from services.scheduler.decide import EventUnit
from services.scheduler.memory import Memory, list_purges
from services.scheduler.tasks import Tasks


async def append(log: EventLog, memory: Memory, tasks: Tasks, units: Sequence[EventUnit]) -> None:
    """Append the units' events, each unit whole, and purge what they deleted.

    Raises:
        Conflict: the memory is stale, or the outcome is unknown: fold again.
        StorageFull: the log is full.
        Unavailable: events were appended but their purge failed; the next fold repeats it.
    """
    for chunk in _split_units(units):
        events = [(unit, draft) for unit in chunk for draft in unit.drafts]
        seen: set[str] = set()
        new = []
        for unit, draft in events:
            subject = event_subject(draft.group, draft.n)
            # NATS compares with the state before the batch: guard each subject once
            expected = None if subject in seen else memory.expected_sequence(draft)
            seen.add(subject)
            new.append(NewEvent(subject, draft.event, expected, unit.command_id, unit.actor))
        last = await log.append(new)
        for sequence, (_, draft) in enumerate(events, last - len(events) + 1):
            memory.set_sequence(draft, sequence)
            tasks.remember(sequence, draft.event)
    # after the append: only the stored tombstone lets a fold repeat a purge that failed
    for purge in [purge for unit in units for draft in unit.drafts for purge in list_purges(draft)]:
        await log.purge(purge.subject, purge.keep, purge.before)


def _split_units(units: Sequence[EventUnit]) -> Iterator[list[EventUnit]]:
    """Split the units, in order, into lists that each fit into one atomic append."""
    chunk: list[EventUnit] = []
    count = 0
    for unit in units:
        if not unit.drafts:
            continue
        if count + len(unit.drafts) > MAX_BATCH_MESSAGES:
            yield chunk
            chunk, count = [], 0
        chunk.append(unit)
        count += len(unit.drafts)
    if chunk:
        yield chunk
