"""Decisions about a batch whose events leave the log: it can be read and deleted, nothing else."""

from collections.abc import Sequence
from datetime import datetime

from eventjob.contracts.commands import FileBatch
from eventjob.contracts.events import BatchFiled
from eventjob.domain.access import Caller
from eventjob.domain.batch import Group, ZipBuilding
from eventjob.domain.errors import Refused


def request_retirement(
    command: FileBatch, group: Group, caller: Caller, at: datetime
) -> Sequence[BatchFiled]:
    """The filing; nothing where that has happened. Only the log's sequences say if it may be.

    Raises:
        Refused: ``not_found``, ``permission_denied``, or ``conflict`` where it is not at rest.
    """
    name = f"batch {command.batch_id}"
    if group.existence != "here" or group.batch_id != command.batch_id:
        raise Refused("not_found", f"there is no {name}")
    if not caller.trusted:
        raise Refused("permission_denied", f"only who administers eventjob may file {name}")
    if group.retired_completed is not None:
        return []
    if not group.archived:
        raise Refused("conflict", f"{name} is not archived")
    if group.unfinished or isinstance(group.zip, ZipBuilding):
        raise Refused("conflict", f"{name} still runs")
    return [
        BatchFiled(
            batch_id=command.batch_id,
            until=command.until,
            exports=command.exports,
            completed=group.completed,
            owner=group.owner,
            access=group.access,
            request_hash=group.request_hash,
            at=at,
        )
    ]


def check_not_retired(group: Group) -> None:
    """Nothing, where the batch can still change.

    Raises:
        Refused: it cannot.
    """
    if group.retired_completed is not None:
        raise Refused(
            "conflict",
            f"batch {group.batch_id} is filed, since it was archived long ago: it can be read, "
            "and deleted as a whole",
        )
