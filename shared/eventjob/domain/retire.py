"""Decide about retiring a batch: its events leave the log; it can be read and deleted."""

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
    """Retire the batch; [] if it is retired. The scheduler checks the exported sequences.

    Raises:
        Refused: ``not_found``; ``permission_denied``; ``conflict`` unless archived and at rest.
    """
    name = f"batch {command.batch_id}"
    if group.existence != "here" or group.batch_id != command.batch_id:
        raise Refused("not_found", f"there is no {name}")
    if not caller.trusted:  # its exports are believed, so only `eventjob retire` may send it
        raise Refused("permission_denied", f"only an administrator may retire {name}")
    if group.retired_completed is not None:
        return []
    if not group.archived:
        raise Refused("conflict", f"{name} is not archived")
    if group.unfinished or isinstance(group.zip, ZipBuilding):
        raise Refused("conflict", f"{name} is still running")
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
    """Refuse (``conflict``) to change a retired batch."""
    if group.retired_completed is not None:
        raise Refused(
            "conflict",
            f"batch {group.batch_id} is retired: it was archived long ago, and can only be read, "
            "or deleted as a whole",
        )
