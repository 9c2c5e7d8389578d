"""Describe how jobs ended, for people."""

from collections.abc import Sequence

from demo.client import Job
from demo.programme import PlannedJob
from demo.screen import shorten

_COLUMNS = 96  # of text, so that lines fit in 100
_TITLE = 46
_HEAD_LINES = 25  # the front matter and the first paragraph


def format_outcome(job: Job) -> str:
    """Format a job's title, status, duration and number of files; or its error and the cause."""
    title = f"{shorten(job.parameters.session, _TITLE):{_TITLE}}"
    seconds = f"{_seconds(job):5.2f} s"
    if job.error is None:
        count = _count_files(job)
        return f"  ✓ {title}  {job.status}  {seconds}  {count} {'file' if count == 1 else 'files'}"
    cause = shorten(job.error.message, _COLUMNS)
    return f"  ✗ {title}  {job.status:9}  {seconds}  {job.error.code}\n      {cause}"


def find_surprises(jobs: Sequence[Job], plans: Sequence[PlannedJob]) -> list[str]:
    """Return a line for each session that ended in an unplanned way."""
    by_url = {job.parameters.url: job for job in jobs}
    ends = [(str(plan.parameters["url"]), plan) for plan in plans]
    return [
        f"{url}: {what}"
        for url, plan in ends
        if (what := _describe_surprise(by_url.get(url), plan))
    ]


def _describe_surprise(job: Job | None, plan: PlannedJob) -> str:
    """Describe the difference from the plan, "" if it ended as planned."""
    actual = "no job" if job is None else job.error.code if job.error else job.status
    expected = plan.error_code or "completed"
    if job is None or actual != expected:
        return f"{actual} instead of {expected}"
    if job.error is None and _count_files(job) < plan.files:
        return f"{_count_files(job)} files instead of {plan.files}"
    return ""


def format_markdown_head(job: Job) -> str:
    """Return the first lines of the job's Markdown below the name of its file."""
    if job.results is None or job.results.markdown_content is None:
        return "  (no Markdown)"
    path = (job.results.markdown_file or "").partition("/")[2]
    lines = job.results.markdown_content.splitlines()
    head = [f"  │ {shorten(line, _COLUMNS)}".rstrip() for line in lines[:_HEAD_LINES]]
    return "\n".join([f"  {path} (the first of {len(lines)} lines)", "", *head])


def _count_files(job: Job) -> int:
    """Count the Markdown and its assets."""
    return 0 if job.results is None else 1 + len(job.results.assets)


def _seconds(job: Job) -> float:
    started = job.processing_started_at or job.created_at
    return ((job.completed_at or job.updated_at) - started).total_seconds()
