"""What can go wrong with a message, told apart by what to do about it."""

from datetime import timedelta


class Unavailable(Exception):
    """Our own infrastructure is away; the same thing may succeed ``after`` a while."""

    def __init__(self, reason: str, after: timedelta = timedelta(seconds=2)) -> None:
        super().__init__(reason)
        self.after = after


class StorageFull(Unavailable):
    """The event log takes no more; nothing of what it holds is lost."""


class NoAnswer(Exception):
    """The command is durable, but nobody has decided it in time."""


class Poison(Exception):
    """A message that nobody can handle: it is parked, and a person looks."""


class Conflict(Exception):
    """Another writer appended first, or it is unknown whether this one did: fold anew."""
