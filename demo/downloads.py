"""ZIPs, downloaded and looked into."""

import time
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

from demo import DemoFailed
from demo.client import Client, Job
from demo.zips import check_zip

_BATCH_ZIP_S = 30
_POLL_S = 0.2


def session_zips(client: Client, jobs: Sequence[Job], folder: Path) -> list[Path]:
    """The checked ZIPs of completed jobs, in their order."""
    return [_session_zip(client, job, folder) for job in jobs]


def _session_zip(client: Client, job: Job, folder: Path) -> Path:
    named = job.results.archive_filename if job.results else None
    target = folder / Path(named or f"{job.job_id}.zip").name
    status = client.download("jobs", job.job_id, target)
    if status != HTTPStatus.OK:
        raise DemoFailed(f"the ZIP of {job.job_id} is not there: the service answered {status}")
    check_zip(target)
    return target


def batch_zip(client: Client, batch_id: str, target: Path) -> int:
    """How many files are in the checked ZIP of a whole batch, which is at ``target``."""
    deadline = time.monotonic() + _BATCH_ZIP_S
    while (status := client.download("batches", batch_id, target)) == HTTPStatus.CONFLICT:
        if time.monotonic() > deadline:
            raise DemoFailed(f"the ZIP of {batch_id} was not built within {_BATCH_ZIP_S} s")
        time.sleep(_POLL_S)
    if status != HTTPStatus.OK:
        raise DemoFailed(f"the ZIP of {batch_id} is not there: the service answered {status}")
    return check_zip(target)
