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


def access(**changes):
    return Access(**changes)


def file_ref(**changes):
    usual = {"path": "e/t/talk.md", "sha256": "f" * 64, "size_bytes": 7, "media_type": "text/plain"}
    return FileRef(**usual | changes)


def job_spec(**changes):
    usual = {"parameters": Raw(b'{"event":"e"}'), "host": "example.org", "job_name": "e - t - s"}
    return JobSpec(**usual | changes)


def submit_job(**changes):
    usual = {"job_id": "job-1", "job": job_spec(), "owner": OWNER, "access": private_access(OWNER)}
    return commands.SubmitJob(**usual | changes)


def submit_batch(**changes):
    usual = {
        "batch_id": "batch-x",
        "batch_name": "FOSDEM",
        "jobs": [job_spec(), job_spec()],
        "owner": OWNER,
        "access": private_access(OWNER),
    }
    return commands.SubmitBatch(**usual | changes)


def add_job(**changes):
    return commands.AddJob(**{"batch_id": "batch-x", "job": job_spec()} | changes)


def job_submitted(**changes):
    usual = {"job_id": "job-1", "job": job_spec(), "owner": OWNER, "access": private_access(OWNER)}
    return events.JobSubmitted(**usual | {"at": AT} | changes)


def batch_submitted(**changes):
    usual = {
        "batch_id": "batch-x",
        "batch_name": "FOSDEM",
        "total_jobs": 2,
        "owner": OWNER,
        "access": private_access(OWNER),
        "at": AT,
    }
    return events.BatchSubmitted(**usual | changes)


def jobs_added(**changes):
    usual = {
        "batch_id": "batch-x",
        "first": 1,
        "jobs": [job_spec(), job_spec()],
        "owner": OWNER,
        "access": private_access(OWNER),
        "at": AT,
    }
    return events.JobsAdded(**usual | changes)


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


def zip_requested(**changes):
    return events.BatchZipRequested(**{"attempt": 1, "deadline": DEADLINE, "at": AT} | changes)


def zip_built(**changes):
    usual = {"attempt": 1, "zip": file_ref(), "content": 7, "at": AT}
    return events.BatchZipBuilt(**usual | changes)


def zip_failed(**changes):
    return events.BatchZipFailed(**{"attempt": 1, "error": ERROR, "at": AT} | changes)


def file_batch(**changes):
    usual = {"batch_id": "batch-x", "until": 9, "exports": [Export(sha256="e" * 64, events=9)]}
    return commands.FileBatch(**usual | changes)


def batch_filed(**changes):
    usual = {
        "batch_id": "batch-x",
        "until": 9,
        "exports": [Export(sha256="e" * 64, events=9)],
        "completed": 1,
        "owner": OWNER,
        "access": private_access(OWNER),
        "at": AT,
    }
    return events.BatchFiled(**usual | changes)


def batch_deleted(**changes):
    return events.BatchDeleted(**{"batch_id": "batch-x", "at": AT} | changes)


def job_fetched(**changes):
    usual = {"attempt": 1, "bundle": BUNDLE, "files": [file_ref()], "log": [LINE], "at": AT}
    return events.JobFetched(**usual | changes)


def attempt_failed(**changes):
    usual = {"attempt": 1, "error": ERROR, "retry_at": AT + timedelta(seconds=2), "at": AT}
    return events.AttemptFailed(**usual | changes)


def job_completed(**changes):
    return events.JobCompleted(**{"attempt": 1, "archive": file_ref(), "at": AT} | changes)


def job_failed(**changes):
    return events.JobFailed(**{"attempt": 1, "error": ERROR, "at": AT} | changes)


def job_restarted(**changes):
    return events.JobRestarted(**{"attempt": 2, "at": AT} | changes)


def job_deleted(**changes):
    return events.JobDeleted(**{"job_id": "job-1", "at": AT} | changes)


def session_fetched(**changes):
    usual = {"group": ALONE, "n": 1, "attempt": 1, "bundle": BUNDLE, "files": [file_ref()]}
    return work.SessionFetched(**usual | {"log": [LINE]} | changes)


def archive_built(**changes):
    usual = {"group": ALONE, "n": 1, "attempt": 1, "archive": file_ref()}
    return work.ArchiveBuilt(**usual | changes)


def batch_packed(**changes):
    usual = {"group": GROUP, "attempt": 1, "zip": file_ref(), "content": 7}
    return work.BatchPacked(**usual | changes)


def work_failed(**changes):
    usual = {"group": ALONE, "n": 1, "attempt": 1, "task": "fetch", "error": ERROR}
    return work.WorkFailed(**usual | {"transient": True} | changes)


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
