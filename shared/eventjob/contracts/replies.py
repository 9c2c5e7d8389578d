"""What a command's sender hears of it."""

from eventjob.contracts.base import Message


class Accepted(Message, frozen=True, kw_only=True):
    """Decided, and durable: whoever reads at ``sequence`` or later sees it.

    ``updated`` counts the batches that a fail-all touched; ``number`` is that of an added job;
    ``repeated`` says that what was to be made had been made before, by another command.
    """

    sequence: int
    updated: int = 0
    number: int = 0
    repeated: bool = False


class Declined(Message, frozen=True, kw_only=True):
    """Refused: a stable code that becomes the HTTP status, and the reason for people."""

    code: str
    message: str


Reply = Accepted | Declined
