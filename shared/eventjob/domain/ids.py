"""Ids, groups and partitions: each is computable from the id alone.

A group is what is decided together: a batch (``b-…``) or a single job (``j-…``). Jobs of a batch
are numbered from 1, and their ids contain the batch's name. So an id leads to its group and
partition directly. A dot marks a batch's job; ids that clients choose have none.
"""

import re
import zlib
from functools import lru_cache

import msgspec

from eventjob.contracts.commands import DeleteJob, GroupCommand, RestartJob, SubmitJob

PARTITIONS = 16  # stored in every subject: changing it is a migration
BATCH_PREFIX = "batch-"
JOB_PREFIX = "job-"

_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_BATCH_JOB_ID = re.compile(r"job-(?P<batch>[A-Za-z0-9_-]{0,128})\.(?P<n>[1-9][0-9]{0,5})\Z")


class JobKey(msgspec.Struct, frozen=True):
    """A job's group, and its number there."""

    group: str
    n: int


def is_client_id(text: str) -> bool:
    """Return True if clients may choose ``text`` as the id of a batch or single job."""
    return _CLIENT_ID.match(text) is not None


def batch_group(batch_id: str) -> str:
    """Return a batch's group; ``x`` and ``batch-x`` share one, as their jobs' ids are equal."""
    return f"b-{batch_id.removeprefix(BATCH_PREFIX)}"


def batch_ids(group: str) -> tuple[str, str]:
    """Return the two ids of which a batch's group has one: the inverse of `batch_group`."""
    name = group[2:]
    return f"{BATCH_PREFIX}{name}", name


def parse_job_id(job_id: str) -> JobKey | None:
    """Return the group and number in a well-formed job id."""
    if found := _BATCH_JOB_ID.match(job_id):
        return JobKey(f"b-{found['batch']}", int(found["n"]))
    return JobKey(f"j-{job_id}", 1) if is_client_id(job_id) else None


def format_job_id(group: str, n: int) -> str:
    """Return the id of a group's job: the inverse of `parse_job_id`."""
    name = group[2:]
    return f"{JOB_PREFIX}{name}.{n}" if is_batch(group) else name


def is_batch(group: str) -> bool:
    """Return True for a batch's group, False for a single job's."""
    return group.startswith("b-")


@lru_cache(maxsize=65_536)  # asked for with every message
def compute_partition(group: str) -> int:
    """Return the group's partition, 0 to 15; it is fixed for ever."""
    return zlib.crc32(group.encode()) % PARTITIONS


def group_of(command: GroupCommand) -> str | None:
    """Return the group that decides ``command``, unless its job id is malformed."""
    match command:
        case SubmitJob():
            return f"j-{command.job_id}"
        case RestartJob() | DeleteJob():
            key = parse_job_id(command.job_id)
            return None if key is None else key.group
        case _:
            return batch_group(command.batch_id)
