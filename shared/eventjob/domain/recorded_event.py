"""An event with its place in the log."""

import msgspec

from eventjob.contracts.events import Event


class RecordedEvent(msgspec.Struct, frozen=True):
    """An event as stored in the log.

    ``n`` is the job's number for an event on a job's own subject, None for the group's.
    ``actor`` asked for it: a user, "" for an anonymous caller, or a service.
    """

    sequence: int
    group: str
    n: int | None
    event: Event
    command_id: str = ""
    actor: str = ""
