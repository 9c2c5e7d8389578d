"""Show the progress of jobs until they are finished."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from demo import DemoFailed
from demo.client import Job
from demo.screen import Screen, format_bar

_POLL_S = 0.2  # often enough for a bar that moves


def watch(list_jobs: Callable[[], Sequence[Job]], screen: Screen, limit_s: float) -> Sequence[Job]:
    """Poll ``list_jobs`` until all jobs are finished, and return them.

    Raises:
        DemoFailed: some are unfinished after ``limit_s`` seconds.
    """
    deadline = time.monotonic() + limit_s
    while True:
        jobs = list_jobs()
        screen.update(f"  {format_progress(jobs)}")
        if all(job.is_finished for job in jobs):
            return jobs
        if time.monotonic() > deadline:
            waiting = ", ".join(job.parameters.session for job in jobs if not job.is_finished)
            raise DemoFailed(f"not finished after {limit_s:.0f} s: {waiting}")
        time.sleep(_POLL_S)


def format_progress(jobs: Sequence[Job]) -> str:
    """Format a bar and the number of jobs in each status; for one job, its progress."""
    if len(jobs) == 1:
        return _format_job(jobs[0])
    by_status = Counter(job.status for job in jobs)
    done = by_status["completed"] + by_status["failed"]
    words = ", ".join(f"{count} {status}" for status, count in sorted(by_status.items()))
    return f"{format_bar(done / len(jobs))}  {done}/{len(jobs)}  {words}"


def _format_job(job: Job) -> str:
    if job.is_finished or job.progress is None:
        return f"{format_bar(float(job.is_finished))}  {job.status}"
    return f"{format_bar(job.progress.percent / 100)}  {job.progress.message}"
