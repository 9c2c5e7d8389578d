"""Commands, events and reports with every field filled in; a test names only what matters to it.

Each builder has the name of its class. Times are `AT` unless said otherwise.
"""

from datetime import UTC, datetime, timedelta

from msgspec import Raw

from eventjob.contracts import commands, events, work
from eventjob.contracts.base import Access, Export, FileRef, JobError, JobSpec, LogLine
from eventjob.domain import batch, job
from eventjob.domain.access import private_access
from eventjob.domain.batch import Group
from eventjob.domain.decide import Draft
from eventjob.domain.retry import Policy

AT = datetime(2030, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
POLICY = Policy()
DEADLINE = AT + POLICY.attempt_timeout
BUNDLE = "b" * 64
ERROR = JobError(code="timeout", message="no answer within 10 s")
LINE = LogLine(timestamp=AT, level="info", message="page fetched")
OWNER = "ada"
GROUP = "b-x"
ALONE = "j-job-1"


def of(kind, **usual):
    """A builder: what it makes differs from the usual by ``changes``."""
    return lambda **changes: kind(**usual | changes)


OWN = {"owner": OWNER, "access": private_access(OWNER)}
BATCH = {"batch_id": "batch-x"}
TRY = {"attempt": 1}
WHERE = {"group": ALONE, "n": 1, **TRY}
EXPORT = Export(sha256="e" * 64, events=9)

access = of(Access)
file_ref = of(FileRef, path="e/t/talk.md", sha256="f" * 64, size_bytes=7, media_type="text/plain")
job_spec = of(JobSpec, parameters=Raw(b'{"event":"e"}'), host="example.org", job_name="e - t - s")
FILE, SPEC = file_ref(), job_spec()

submit_job = of(commands.SubmitJob, job_id="job-1", job=SPEC, **OWN)
submit_batch = of(commands.SubmitBatch, batch_name="FOSDEM", jobs=[SPEC, SPEC], **BATCH, **OWN)
add_job = of(commands.AddJob, job=SPEC, **BATCH)
file_batch = of(commands.FileBatch, until=9, exports=[EXPORT], **BATCH)

job_submitted = of(events.JobSubmitted, job_id="job-1", job=SPEC, at=AT, **OWN)
batch_submitted = of(
    events.BatchSubmitted, batch_name="FOSDEM", total_jobs=2, at=AT, **BATCH, **OWN
)
jobs_added = of(events.JobsAdded, first=1, jobs=[SPEC, SPEC], at=AT, **BATCH, **OWN)
zip_requested = of(events.BatchZipRequested, deadline=DEADLINE, at=AT, **TRY)
zip_built = of(events.BatchZipBuilt, zip=FILE, content=7, at=AT, **TRY)
zip_failed = of(events.BatchZipFailed, error=ERROR, at=AT, **TRY)
batch_filed = of(events.BatchFiled, until=9, exports=[EXPORT], completed=1, at=AT, **BATCH, **OWN)
batch_deleted = of(events.BatchDeleted, at=AT, **BATCH)
job_fetched = of(events.JobFetched, bundle=BUNDLE, files=[FILE], log=[LINE], at=AT, **TRY)
attempt_failed = of(
    events.AttemptFailed, error=ERROR, retry_at=AT + timedelta(seconds=2), at=AT, **TRY
)
job_completed = of(events.JobCompleted, archive=FILE, at=AT, **TRY)
job_failed = of(events.JobFailed, error=ERROR, at=AT, **TRY)
job_restarted = of(events.JobRestarted, attempt=2, at=AT)
job_deleted = of(events.JobDeleted, job_id="job-1", at=AT)

session_fetched = of(work.SessionFetched, bundle=BUNDLE, files=[FILE], log=[LINE], **WHERE)
archive_built = of(work.ArchiveBuilt, archive=FILE, **WHERE)
batch_packed = of(work.BatchPacked, group=GROUP, zip=FILE, content=7, **TRY)
work_failed = of(work.WorkFailed, task="fetch", error=ERROR, transient=True, **WHERE)


def jobs_started(*numbers, attempt=1, **changes):
    starts = [events.Start(n, attempt) for n in numbers or (1,)]
    return events.JobsStarted(**{"starts": starts, "deadline": DEADLINE, "at": AT} | changes)


def jobs_failed(*numbers, **changes):
    usual = {"numbers": [*numbers], "error": cancelled(OWNER), "at": AT}
    return events.JobsFailed(**usual | changes)


def cancelled(who):
    return JobError(code="cancelled", message=f"cancelled by {who}: all unfinished jobs failed")


def batch_completed(status="completed"):
    return events.BatchCompleted(status=status, at=AT)


def failed_attempts(*, count, counted=True):
    """A job's history: ``count`` attempts in a row that failed, and the start of the next one."""
    history = []
    for attempt in range(1, count + 1):
        history += [jobs_started(attempt=attempt), attempt_failed(attempt=attempt, counted=counted)]
    return [*history, jobs_started(attempt=count + 1)]


def folded_job(history):
    """The job after these events, of which starts lie on its group."""
    state = job.SUBMITTED
    for event in history:
        if isinstance(event, events.JobsStarted):
            state = job.evolve_started(state, event.starts[0].attempt, event.deadline)
        else:
            state = job.evolve(state, event)
    return state


def on_group(event, group=GROUP):
    return Draft(group, None, event)


def on_job(n, event, group=GROUP):
    return Draft(group, n, event)


def folded(drafts, group=GROUP):
    """The group after these events."""
    result = Group(group)
    for draft in drafts:
        batch.evolve(result, draft.n, draft.event)
    return result
