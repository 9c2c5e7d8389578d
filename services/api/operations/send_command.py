"""Send a command, wait for its reply and for the projection."""

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
    """Outcome of a command that was stored."""

    accepted: Accepted | None  # None: the scheduler has not replied yet
    visible: bool  # the documents reflect it

    @property
    def is_repeat(self) -> bool:
        """True if an earlier command had already created the object."""
        return self.accepted is not None and self.accepted.repeated


async def execute(context: Context, caller: Caller, command: GroupCommand, group: str) -> Outcome:
    """Execute a command for one group.

    Raises:
        Problem: the scheduler declined it.
        Unavailable: it was not stored; `StorageFull` if the log is full.
    """
    try:
        reply = await context.commands.send(command, group=group, caller=caller)
    except NoAnswer:  # the command is durable, so it will be decided: the response is 202
        _log.info("command.unanswered", command=type(command).__name__, group=group)
        return Outcome(None, visible=False)
    _log.info("command.answered", command=type(command).__name__, group=group, **_log_fields(reply))
    accepted = _check_accepted(reply)
    return Outcome(accepted, await _wait_for_projection(context, accepted.sequence))


async def fail_batches(context: Context, caller: Caller, command: FailBatches) -> Outcome:
    """Execute a fail-all in all partitions and sum up the counts. Raises as `execute`."""
    try:  # one command for each partition, since partitions may have different schedulers
        replies = await context.commands.send_to_all(command, caller=caller)
    except NoAnswer:
        _log.info("command.unanswered", command="FailBatches")
        return Outcome(None, visible=False)
    accepted = [_check_accepted(reply) for reply in replies]
    sequence = max(reply.sequence for reply in accepted)
    total = Accepted(sequence=sequence, updated=sum(reply.updated for reply in accepted))
    _log.info("command.answered", command="FailBatches", seq=sequence, updated=total.updated)
    return Outcome(total, await _wait_for_projection(context, sequence))


async def try_read(reading: Awaitable[Document | None]) -> Document | None:
    """Await a read, and return None if the store is away: the write itself succeeded."""
    try:
        return await reading
    except StoreUnavailable:
        return None


def check_space(context: Context) -> None:
    """Raise ``storage_full`` when the disk is nearly full."""
    if context.space.is_short():
        raise Problem("storage_full", "too little disk space is left")


def _log_fields(reply: Reply) -> dict[str, object]:
    if isinstance(reply, Declined):
        return {"declined": reply.code}
    return {"seq": reply.sequence}


def _check_accepted(reply: Reply) -> Accepted:
    if not isinstance(reply, Declined):
        return reply
    if reply.code == "storage_full":
        raise StorageFull(reply.message)
    raise Problem(reply.code, reply.message)


async def _wait_for_projection(context: Context, sequence: int) -> bool:
    # Read-your-own-writes, over several api processes and for lists too.
    return await context.projection.wait_until_reached(sequence, context.options.projection_wait)
