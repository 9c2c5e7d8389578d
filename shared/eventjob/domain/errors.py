"""The ways in which a decision can turn something down."""


class Refused(Exception):
    """A decider turned a command down. Never retried; the api answers 4xx.

    ``code`` is a stable name a client may branch on; ``str(error)`` is for people.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class StaleMemory(Exception):
    """A report is ahead of the state it was decided on: fold the log again, never ignore it."""
