"""Appending what was decided: as few atomic appends as hold it, each guarded by its subjects."""

from collections.abc import Iterator, Sequence

from eventjob.bus.log.event_codec import NewEvent
from eventjob.bus.log.log import EventLog
from eventjob.bus.subjects import event_subject
from eventjob.bus.wire.publish import MAX_BATCH_MESSAGES
from services.scheduler.decide import EventUnit
from services.scheduler.memory import Memory, purges
from services.scheduler.tasks import Tasks


async def append(log: EventLog, memory: Memory, tasks: Tasks, units: Sequence[EventUnit]) -> None:
    """Put the units' events into the log, a unit never torn, and remove what they deleted.

    Raises:
        Conflict: the memory is stale, or the log's answer is unknown: fold anew.
        StorageFull: the log takes no more.
        Unavailable: something was appended but not cleaned up; a fold does it again.
    """
    for group in _fitting(units):
        events = [(unit, draft) for unit in group for draft in unit.drafts]
        seen: set[str] = set()
        new = []
        for unit, draft in events:
            subject = event_subject(draft.group, draft.n)
            expected = None if subject in seen else memory.expected(draft)
            seen.add(subject)
            new.append(NewEvent(subject, draft.event, expected, unit.command_id, unit.actor))
        last = await log.append(new)
        for sequence, (_, draft) in enumerate(events, last - len(events) + 1):
            memory.stamp(draft, sequence)
            tasks.remember(sequence, draft.event)
    for purge in [purge for unit in units for draft in unit.drafts for purge in purges(draft)]:
        await log.purge(purge.subject, purge.keep, purge.before)


def _fitting(units: Sequence[EventUnit]) -> Iterator[list[EventUnit]]:
    """Units that go into one atomic append together, in their order."""
    fitting: list[EventUnit] = []
    count = 0
    for unit in units:
        if not unit.drafts:
            continue
        if count + len(unit.drafts) > MAX_BATCH_MESSAGES:
            yield fitting
            fitting, count = [], 0
        fitting.append(unit)
        count += len(unit.drafts)
    if fitting:
        yield fitting
