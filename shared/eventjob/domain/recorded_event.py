"""An event together with what the log says about it."""

import msgspec

from eventjob.contracts.events import Event


class RecordedEvent(msgspec.Struct, frozen=True):
    """An event as it stands in the log.

    ``n`` is the job's number for an event on a job's own subject, None on the group's.
    ``actor`` is who asked for it: a user, "" for a caller without name, or a service.
    """

    sequence: int
    group: str
    n: int | None
    event: Event
    command_id: str = ""
    actor: str = ""
