"""Jobs on their way, seen live."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from demo import DemoFailed
from demo.client import Job
from demo.screen import Screen, bar

_POLL_S = 0.2


def watch(look: Callable[[], Sequence[Job]], screen: Screen, at_most_s: float) -> Sequence[Job]:
    """The jobs that ``look`` gives, once all are finished.

    Raises:
        DemoFailed: they are not, ``at_most_s`` seconds later.
    """
    deadline = time.monotonic() + at_most_s
    while True:
        jobs = look()
        screen.live(f"  {progress(jobs)}")
        if all(job.finished for job in jobs):
            return jobs
        if time.monotonic() > deadline:
            waiting = ", ".join(job.parameters.session for job in jobs if not job.finished)
            raise DemoFailed(f"not finished after {at_most_s:.0f} s: {waiting}")
        time.sleep(_POLL_S)


def progress(jobs: Sequence[Job]) -> str:
    """A bar, and in words what the jobs are doing."""
    if len(jobs) == 1:
        return _progress_of(jobs[0])
    by_status = Counter(job.status for job in jobs)
    done = by_status["completed"] + by_status["failed"]
    words = ", ".join(f"{count} {status}" for status, count in sorted(by_status.items()))
    return f"{bar(done / len(jobs))}  {done}/{len(jobs)}  {words}"


def _progress_of(job: Job) -> str:
    if job.finished or job.progress is None:
        return f"{bar(float(job.finished))}  {job.status}"
    return f"{bar(job.progress.percent / 100)}  {job.progress.message}"
