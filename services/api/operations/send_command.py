"""A write: send the command, hear the outcome, wait until every reader sees it."""

from collections.abc import Awaitable
from typing import TypeVar

import msgspec

from eventjob.bus.errors import NoAnswer, StorageFull
from eventjob.contracts.commands import FailBatches, GroupCommand
from eventjob.contracts.replies import Accepted, Declined, Reply
from eventjob.domain.access import Caller
from eventjob.projection.read_model import BatchDocument, JobDocument
from eventjob.projection.store import StoreUnavailable
from eventjob.runtime.logs import get_logger
from services.api.context import Context
from services.api.response.errors import Problem

Document = TypeVar("Document", JobDocument, BatchDocument)

_log = get_logger("api")


class Outcome(msgspec.Struct, frozen=True):
    """What became of a command; ``visible``: the documents show it.

    ``accepted`` is None where the scheduler has not answered yet.
    """

    accepted: Accepted | None
    visible: bool

    @property
    def is_repeat(self) -> bool:
        """Whether another command had done all this before."""
        return self.accepted is not None and self.accepted.repeated


async def carry_out(here: Context, caller: Caller, command: GroupCommand, group: str) -> Outcome:
    """The outcome of a command for one group.

    Raises:
        Problem: the scheduler declined it.
        Unavailable: it was not taken; StorageFull where there is no room for what follows.
    """
    try:
        reply = await here.commands.send(command, group=group, caller=caller)
    except NoAnswer:
        _log.info("command.unanswered", command=type(command).__name__, group=group)
        return Outcome(None, visible=False)
    _log.info("command.answered", command=type(command).__name__, group=group, **_told(reply))
    accepted = _accepted(reply)
    return Outcome(accepted, await _followed(here, accepted.sequence))


async def fail_batches(here: Context, caller: Caller, command: FailBatches) -> Outcome:
    """The outcome of a fail-all, its counts summed. Raises as `carry_out`."""
    try:
        replies = await here.commands.send_to_all(command, caller=caller)
    except NoAnswer:
        _log.info("command.unanswered", command="FailBatches")
        return Outcome(None, visible=False)
    accepted = [_accepted(reply) for reply in replies]
    sequence = max(reply.sequence for reply in accepted)
    total = Accepted(sequence=sequence, updated=sum(reply.updated for reply in accepted))
    _log.info("command.answered", command="FailBatches", seq=sequence, updated=total.updated)
    return Outcome(total, await _followed(here, sequence))


async def unless_away(reading: Awaitable[Document | None]) -> Document | None:
    """The document, or None where the store does not answer: the write itself is done."""
    try:
        return await reading
    except StoreUnavailable:
        return None


def check_space(here: Context) -> None:
    """Nothing, where there is room for more.

    Raises:
        Problem: ``storage_full``.
    """
    if here.space.is_short():
        raise Problem("storage_full", "there is too little room left on the disk")


def _told(reply: Reply) -> dict[str, object]:
    if isinstance(reply, Declined):
        return {"declined": reply.code}
    return {"seq": reply.sequence}


def _accepted(reply: Reply) -> Accepted:
    if not isinstance(reply, Declined):
        return reply
    if reply.code == "storage_full":
        raise StorageFull(reply.message)
    raise Problem(reply.code, reply.message)


async def _followed(here: Context, sequence: int) -> bool:
    return await here.projection.wait_until_reached(sequence, here.options.follow_within)
