"""Replies of the scheduler to a command."""

from eventjob.contracts.base import Message


class Accepted(Message, frozen=True, kw_only=True):
    """The command was decided, and its events are durable."""

    sequence: int  # a projection that has reached it shows the effect
    updated: int = 0  # batches changed by a fail-all
    number: int = 0  # of an added job
    repeated: bool = False  # an earlier command had already created the object


class Declined(Message, frozen=True, kw_only=True):
    """The command was refused: a stable code, and the reason for people."""

    code: str
    message: str


Reply = Accepted | Declined
