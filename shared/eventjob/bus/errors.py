"""Errors of the bus, one for each way to handle them."""

from datetime import timedelta


class Unavailable(Exception):
    """Our own infrastructure is away; retry ``after`` a while."""

    def __init__(self, reason: str, after: timedelta = timedelta(seconds=2)) -> None:
        super().__init__(reason)
        self.after = after


class StorageFull(Unavailable):
    """The event log is full; everything that it holds stays readable."""


class NoAnswer(Exception):
    """The command is durable, but still undecided when the wait ended."""


class Poison(Exception):
    """A message that fails for good: it is parked for a person to look at."""


class Conflict(Exception):
    """Another writer appended first, or the result of an append is unknown: fold again."""
