"""How jobs ended, in lines for people."""

from collections.abc import Sequence

from demo.client import Job
from demo.programme import Planned
from demo.screen import shortened

_COLUMNS = 96
_TITLE = 46
_HEAD_LINES = 25


def outcome(job: Job) -> str:
    """A job's title, status, seconds and files; where it failed, its error and the cause of it."""
    title = f"{shortened(job.parameters.session, _TITLE):{_TITLE}}"
    took = f"{_seconds(job):5.2f} s"
    if job.error is None:
        count = _files(job)
        return f"  ✓ {title}  {job.status}  {took}  {count} {'file' if count == 1 else 'files'}"
    cause = shortened(job.error.message, _COLUMNS)
    return f"  ✗ {title}  {job.status:9}  {took}  {job.error.code}\n      {cause}"


def unexpected(jobs: Sequence[Job], plans: Sequence[Planned]) -> list[str]:
    """Each session that did not end as planned, in a line."""
    by_url = {job.parameters.url: job for job in jobs}
    ends = [(str(plan.parameters["url"]), plan) for plan in plans]
    return [f"{url}: {what}" for url, plan in ends if (what := _surprise(by_url.get(url), plan))]


def _surprise(job: Job | None, plan: Planned) -> str:
    """What is not as planned, "" where all is."""
    ended = "no job" if job is None else job.error.code if job.error else job.status
    wanted = plan.fails or "completed"
    if job is None or ended != wanted:
        return f"{ended} instead of {wanted}"
    if job.error is None and _files(job) < plan.files:
        return f"{_files(job)} files instead of {plan.files}"
    return ""


def markdown_head(job: Job) -> str:
    """The first lines of the job's Markdown, under the name of its file."""
    if job.results is None or job.results.markdown_content is None:
        return "  (no Markdown)"
    path = (job.results.markdown_file or "").partition("/")[2]
    lines = job.results.markdown_content.splitlines()
    shown = [f"  │ {shortened(line, _COLUMNS)}".rstrip() for line in lines[:_HEAD_LINES]]
    return "\n".join([f"  {path} (the first of {len(lines)} lines)", "", *shown])


def _files(job: Job) -> int:
    """Its Markdown, and what belongs to it."""
    return 0 if job.results is None else 1 + len(job.results.assets)


def _seconds(job: Job) -> float:
    begun = job.processing_started_at or job.created_at
    return ((job.completed_at or job.updated_at) - begun).total_seconds()
