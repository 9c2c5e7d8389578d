"""Ids, groups and partitions: computable from the id alone, for any text."""

import pytest
from builders import add_job, submit_batch, submit_job
from hypothesis import example, given
from hypothesis import strategies as st
from tables import row, table

from eventjob.contracts.commands import (
    DeleteBatch,
    DeleteJob,
    RestartJob,
    SetBatchActive,
    SetBatchArchived,
)
from eventjob.domain.ids import (
    PARTITIONS,
    JobKey,
    batch_group,
    compute_partition,
    format_job_id,
    group_of,
    is_batch,
    is_client_id,
    parse_job_id,
)

CHOSEN = st.from_regex(r"[A-Za-z0-9_-]{1,128}", fullmatch=True)
BATCH_JOBS = st.from_regex(r"job-[A-Za-z0-9_-]{0,128}\.[1-9][0-9]{0,5}", fullmatch=True)

HOSTILE = """job-x.0 job-x.01 job-x.1000000 job-x.-1 job-x.1.2 job-x. job-x.\u0661 x.1 batch-x.1 jöb
    . .. * job-*.1 > job-x.> a/b"""


@table("text", *HOSTILE.split(), "", "x" * 129, "job-1\n", "job 1", "job-x.1\x00")
def test_a_hostile_id_is_no_jobs(text):
    assert parse_job_id(text) is None
    assert not is_client_id(text)
    assert group_of(RestartJob(job_id=text)) is None
    assert group_of(DeleteJob(job_id=text)) is None


@table(
    "text, key",
    row("a job alone", "job-1", JobKey("j-job-1", 1)),
    row("a job alone, without prefix", "1", JobKey("j-1", 1)),
    row("a job that is called like a batch", "batch-x", JobKey("j-batch-x", 1)),
    row("a batch's first job", "job-x.1", JobKey("b-x", 1)),
    row("a batch's last job", "job-x.999999", JobKey("b-x", 999_999)),
    row("of the batch batch-batch-x", "job-batch-x.7", JobKey("b-batch-x", 7)),
    row("of the batch batch-", "job-.1", JobKey("b-", 1)),
)
def test_a_job_lives_at(text, key):
    assert parse_job_id(text) == key


@table(
    "batch_id, group",
    ("x", "b-x"),
    ("batch-x", "b-x"),
    ("batch-batch-x", "b-batch-x"),
    ("batch-", "b-"),
)
def test_a_batch_is_the_group(batch_id, group):
    assert batch_group(batch_id) == group


@table(
    "command, group",
    (submit_job(job_id="job-1"), "j-job-1"),
    (submit_batch(batch_id="batch-x"), "b-x"),
    (add_job(batch_id="x"), "b-x"),
    (RestartJob(job_id="job-x.7"), "b-x"),
    (DeleteJob(job_id="job-1"), "j-job-1"),
    (SetBatchActive(batch_id="batch-x"), "b-x"),
    (SetBatchArchived(batch_id="x", archived=True), "b-x"),
    (DeleteBatch(batch_id="x"), "b-x"),
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_command_is_decided_by(command, group):
    assert group_of(command) == group


@given(CHOSEN | BATCH_JOBS)
@example("job-.1")
def test_a_jobs_id_is_found_again_from_its_place(text):
    key = parse_job_id(text)
    assert format_job_id(key.group, key.n) == text


@given(CHOSEN, st.integers(1, 999_999))
@example("batch-", 1)
@example("batch-" * 21, 999_999)
def test_a_jobs_place_is_found_again_from_its_id(batch_id, n):
    group = batch_group(batch_id)
    assert is_batch(group)
    assert parse_job_id(format_job_id(group, n)) == JobKey(group, n)
    alone = JobKey(f"j-{batch_id}", 1)
    assert parse_job_id(format_job_id(*(alone.group, alone.n))) == alone


@given(st.text())
@example("job-x.1\n")
def test_any_text_is_a_job_of_one_place_or_none(text):
    key = parse_job_id(text)
    assert key is None or format_job_id(key.group, key.n) == text


@given(CHOSEN)
def test_a_partition_is_one_of_sixteen(batch_id):
    assert 0 <= compute_partition(batch_group(batch_id)) < PARTITIONS == 16


@pytest.mark.parametrize(("group", "number"), [("b-x", 13), ("b-fosdem", 1), ("j-job-1", 15)])
def test_a_partition_is_fixed_for_ever(group, number):
    """Stored subjects hold it: another function would be a migration."""
    assert compute_partition(group) == number
