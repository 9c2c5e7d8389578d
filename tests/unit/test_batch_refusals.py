"""What a batch or a job alone refuses, and with which code."""

import pytest
from builders import (
    ALONE,
    AT,
    POLICY,
    add_job,
    batch_deleted,
    batch_submitted,
    folded,
    job_deleted,
    job_spec,
    job_submitted,
    jobs_added,
    on_group,
    on_job,
    submit_batch,
    submit_job,
)
from tables import row, table

from eventjob.contracts.base import Access
from eventjob.contracts.commands import (
    DeleteBatch,
    DeleteJob,
    RestartJob,
    SetBatchActive,
    SetBatchArchived,
)
from eventjob.contracts.events import BatchArchived
from eventjob.domain import decide
from eventjob.domain.access import Caller
from eventjob.domain.decide import Context
from eventjob.domain.errors import Refused
from eventjob.domain.ids import group_of

ACCESS = Access(read_access=("rita",), write_access=("will",), admin_access=("amir",))
LONE = [on_group(job_submitted(access=ACCESS), ALONE)]
BATCH = [on_group(batch_submitted(access=ACCESS)), on_group(jobs_added(access=ACCESS))]
KEYED = [*BATCH, on_group(jobs_added(first=3, jobs=[job_spec()], key="k", request_hash="1"))]

ON_JOB = [RestartJob(job_id="job-1"), DeleteJob(job_id="job-1")]
ON_BATCH = [
    add_job(),
    RestartJob(job_id="job-x.1"),
    DeleteJob(job_id="job-x.1"),
    SetBatchActive(batch_id="batch-x"),
    SetBatchArchived(batch_id="batch-x", archived=True),
    DeleteBatch(batch_id="batch-x"),
]
BY_OTHER_NAME = [
    add_job(batch_id="x"),
    SetBatchActive(batch_id="x"),
    SetBatchArchived(batch_id="x", archived=True),
    DeleteBatch(batch_id="x"),
]


def name(command):
    return type(command).__name__


def answer(given, when, caller):
    """``done``, or the code of the refusal."""
    try:
        decide.decide(when, folded(given, group_of(when)), Context(caller, AT, POLICY))
    except Refused as refusal:
        return refusal.code
    return "done"


@table(
    "given, when, code",
    row("a taken job id", LONE, submit_job(), "conflict"),
    row("a taken batch id", BATCH, submit_batch(), "conflict"),
    row("x is taken by batch-x", BATCH, submit_batch(batch_id="x"), "conflict"),
    row(
        "batch-x is taken by x",
        [on_group(batch_submitted(batch_id="x"))],
        submit_batch(),
        "conflict",
    ),
    row("taken without a key", LONE, submit_job(request_hash="1"), "conflict"),
    row(
        "taken with a key, now without one",
        [on_group(job_submitted(request_hash="k.1"), ALONE)],
        submit_job(),
        "conflict",
    ),
    row(
        "a job's key with another body",
        [on_group(job_submitted(request_hash="k.1"), ALONE)],
        submit_job(request_hash="k.2"),
        "idempotency_mismatch",
    ),
    row(
        "a batch's id, with another key",
        [on_group(batch_submitted(request_hash="k.1"))],
        submit_batch(request_hash="other.1"),
        "conflict",
    ),
    row(
        "a batch's key with another body",
        [on_group(batch_submitted(request_hash="k.1"))],
        submit_batch(request_hash="k.2"),
        "idempotency_mismatch",
    ),
    row(
        "an addition's key with another body",
        KEYED,
        add_job(key="k", request_hash="2"),
        "idempotency_mismatch",
    ),
    row(
        "a deleted job's id stays taken",
        [*LONE, on_group(job_deleted(), ALONE)],
        submit_job(),
        "conflict",
    ),
    row(
        "a deleted batch's id stays taken",
        [*BATCH, on_group(batch_deleted())],
        submit_batch(),
        "conflict",
    ),
    row(
        "a deleted job is not submitted again by its old request",
        [on_group(job_submitted(request_hash="k.1"), ALONE), on_group(job_deleted(), ALONE)],
        submit_job(request_hash="k.1"),
        "conflict",
    ),
    row(
        "a tombstone alone, of a purged log, keeps a job's id taken",
        [on_group(job_deleted(), ALONE)],
        submit_job(),
        "conflict",
    ),
    row(
        "a tombstone alone, of a purged log, keeps a batch's id taken",
        [on_group(batch_deleted())],
        submit_batch(),
        "conflict",
    ),
    row("an archived batch", [*BATCH, on_group(BatchArchived(at=AT))], add_job(), "conflict"),
    row("no such number", BATCH, RestartJob(job_id="job-x.3"), "not_found"),
    row(
        "a batch's deleted job is not restarted",
        [*BATCH, on_job(1, job_deleted())],
        RestartJob(job_id="job-x.1"),
        "not_found",
    ),
    row(
        "a batch's deleted job is not deleted again",
        [*BATCH, on_job(1, job_deleted())],
        DeleteJob(job_id="job-x.1"),
        "not_found",
    ),
)
def test_a_group_refuses(given, when, code):
    assert answer(given, when, Caller("ada")) == code


@table("when", *ON_JOB, *ON_BATCH, ids=name)
def test_what_was_never_there_or_is_deleted_is_not_found(when):
    deleted = [*LONE, on_group(job_deleted(), ALONE)]
    if when in ON_BATCH:
        deleted = [*BATCH, on_group(batch_deleted())]
    assert answer([], when, Caller("ada")) == answer(deleted, when, Caller("ada")) == "not_found"


@pytest.mark.parametrize("when", BY_OTHER_NAME, ids=name)
def test_a_batch_answers_to_its_own_name_only(when):
    assert answer(BATCH, when, Caller("ada")) == "not_found"


@table("when", *ON_JOB, *ON_BATCH, ids=name)
def test_each_command_asks_who_may_change(when):
    """Who that is, is in `test_access`."""
    given = LONE if when in ON_JOB else BATCH
    for caller in (Caller("ada"), Caller("will"), Caller("amir"), Caller(None, trusted=True)):
        assert answer(given, when, caller) == "done"
    for caller in (Caller("rita"), Caller("eve"), Caller(None)):
        assert answer(given, when, caller) == "permission_denied"
    nobodys = [on_group(job_submitted(owner=None), ALONE)]
    if when in ON_BATCH:
        nobodys = [on_group(batch_submitted(owner=None)), on_group(jobs_added(owner=None))]
    assert answer(nobodys, when, Caller(None)) == "done"
