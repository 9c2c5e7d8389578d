"""A write: send the command, hear the outcome, wait until every reader sees it."""

from http import HTTPStatus
from typing import TypeVar

import msgspec

from eventjob.bus.errors import NoAnswer
from eventjob.contracts.commands import FailBatches, GroupCommand
from eventjob.contracts.replies import Accepted, Declined, Reply
from eventjob.domain.access import Caller
from services.api.callers import actor_of
from services.api.context import Context
from services.api.errors import Problem
from services.api.read_model import BatchDocument, JobDocument
from services.api.store import StoreUnavailable

Document = TypeVar("Document", JobDocument, BatchDocument)


class Outcome(msgspec.Struct, frozen=True):
    """What became of a command; ``visible``: the documents show it.

    ``accepted`` is None where the scheduler has not answered yet.
    """

    accepted: Accepted | None
    visible: bool

    def status(self, done: HTTPStatus) -> HTTPStatus:
        """``done``, or 202 where it is durable but cannot be seen yet."""
        return done if self.visible else HTTPStatus.ACCEPTED


async def carry_out(here: Context, caller: Caller, command: GroupCommand, group: str) -> Outcome:
    """The outcome of a command for one group.

    Raises:
        Problem: the scheduler declined it.
        Unavailable: it was not taken.
    """
    try:
        reply = await here.commands.send(command, group=group, actor=actor_of(caller))
    except NoAnswer:
        return Outcome(None, visible=False)
    accepted = _accepted(reply)
    return Outcome(accepted, await _followed(here, accepted.sequence))


async def fail_batches(here: Context, caller: Caller, command: FailBatches) -> Outcome:
    """The outcome of a fail-all, its counts summed. Raises as `carry_out`."""
    try:
        replies = await here.commands.send_to_all(command, actor=actor_of(caller))
    except NoAnswer:
        return Outcome(None, visible=False)
    accepted = [_accepted(reply) for reply in replies]
    sequence = max(reply.sequence for reply in accepted)
    total = Accepted(sequence=sequence, updated=sum(reply.updated for reply in accepted))
    return Outcome(total, await _followed(here, sequence))


async def shown_job(here: Context, job_id: str, outcome: Outcome) -> JobDocument | None:
    """The job's document, where the outcome is visible and the store answers."""
    if not outcome.visible:
        return None
    try:
        return await here.store.job(job_id)
    except StoreUnavailable:
        return None


async def shown_batch(here: Context, batch_id: str, outcome: Outcome) -> BatchDocument | None:
    """The batch's document, where the outcome is visible and the store answers."""
    if not outcome.visible:
        return None
    try:
        return await here.store.batch(batch_id)
    except StoreUnavailable:
        return None


def check_space(here: Context) -> None:
    """Nothing, where there is room for more.

    Raises:
        Problem: ``storage_full``.
    """
    if here.space.is_short():
        raise Problem("storage_full", "there is too little room left on the disk")


def _accepted(reply: Reply) -> Accepted:
    if isinstance(reply, Declined):
        raise Problem(reply.code, reply.message)
    return reply


async def _followed(here: Context, sequence: int) -> bool:
    return await here.projection.reached(sequence, here.options.follow_within)
