"""Download ZIPs and check them."""

import time
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

from demo import DemoFailed
from demo.client import Client, Job
from demo.zips import check_zip

_BATCH_ZIP_S = 30  # it is built when first asked for
_POLL_S = 0.2


def download_session_zips(client: Client, jobs: Sequence[Job], folder: Path) -> list[Path]:
    """Download and check the ZIPs of completed jobs; return the paths in the order of the jobs."""
    return [_download_session_zip(client, job, folder) for job in jobs]


def _download_session_zip(client: Client, job: Job, folder: Path) -> Path:
    filename = job.results.archive_filename if job.results else None
    target = folder / Path(filename or f"{job.job_id}.zip").name
    status = client.download("jobs", job.job_id, target)
    if status != HTTPStatus.OK:
        raise DemoFailed(f"the ZIP of {job.job_id} is not there: the service answered {status}")
    check_zip(target)
    return target


def download_batch_zip(client: Client, batch_id: str, target: Path) -> int:
    """Download the ZIP of a batch to ``target``, check it, and return its number of files."""
    deadline = time.monotonic() + _BATCH_ZIP_S
    while (status := client.download("batches", batch_id, target)) == HTTPStatus.CONFLICT:
        if time.monotonic() > deadline:  # 409: the first request starts the build
            raise DemoFailed(f"the ZIP of {batch_id} was not built within {_BATCH_ZIP_S} s")
        time.sleep(_POLL_S)
    if status != HTTPStatus.OK:
        raise DemoFailed(f"the ZIP of {batch_id} is not there: the service answered {status}")
    return check_zip(target)
