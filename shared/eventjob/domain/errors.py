"""Errors of a decision."""


class Refused(Exception):
    """The decider rejects a command: the api answers 4xx, and retries are pointless.

    ``code`` is stable, for clients to branch on; ``str(error)`` is for people.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class StaleMemory(Exception):
    """A report is ahead of the known state: fold the log again, or the report would be lost."""
