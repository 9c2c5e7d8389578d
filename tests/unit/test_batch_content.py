"""What a batch's ZIP has to hold, and how large a batch may be."""

import pytest
from builders import (
    AT,
    ERROR,
    OWNER,
    POLICY,
    add_job,
    batch_submitted,
    folded,
    job_spec,
    on_group,
    submit_batch,
    zip_built,
    zip_failed,
    zip_requested,
)
from msgspec import Raw, json
from recorded_events import BUNDLE, TIMEOUT, Log, file
from tables import row, table

from eventjob.contracts.events import BatchPaused, JobDeleted, JobsFailed
from eventjob.domain import job
from eventjob.domain.access import Caller
from eventjob.domain.batch import REMEMBERED_COMMANDS, Group
from eventjob.domain.batch_content import BatchContent, Failure
from eventjob.domain.chunks import BYTES_PER_EVENT
from eventjob.domain.decide import MAX_JOBS, Context, decide
from eventjob.domain.errors import Refused
from eventjob.projection.fold import fold

NAME = "FOSDEM - Main - Ünïcode"


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def group(log):
    """Three jobs: two completed, one failed."""
    group = log.batch(3)
    log.start(group, [1, 2, 3])
    for n in (2, 1):
        log.fetch(group, n)
        log.complete(group, n)
    log.fail(group, 3)
    return group


def content_of(records):
    content = BatchContent()
    for record in records:
        content.evolve(record)
    return content


def batch_of(records):
    (batch,) = fold(records, {}, {}).batches
    return batch


def fail_all(*numbers):
    return lambda log, group: log.add(
        group, None, JobsFailed(numbers=[*numbers], error=TIMEOUT, at=log.at)
    )


def delete(n):
    return lambda log, group: log.add(group, n, JobDeleted(job_id=f"job-x.{n}", at=log.at))


def restart(n):
    return lambda log, group: log.restart(group, n)


def test_it_holds_the_results_of_completed_jobs_and_names_the_failed(log, group):
    content = content_of(log.records)
    assert list(content.bundles.items()) == [(1, BUNDLE), (2, BUNDLE)]
    assert content.failures == [Failure(NAME, "timeout")]
    assert content.title == "A batch"
    assert content.sequence == batch_of(log.records).content == len(log.records)
    assert group == log.records[0].group


def test_a_batch_named_after_its_id_has_no_title(log):
    log.batch(1, batch_id="A batch")
    assert content_of(log.records).title == ""


@table(
    "what, bundles, failures",
    row("a deletion takes the results along", delete(1), [2], 1),
    row("a deletion takes the failure along", delete(3), [1, 2], 0),
    row("a restart forgets the results", restart(2), [1], 1),
    row("a restart forgets the failure", restart(3), [1, 2], 0),
    row("a person fails", fail_all(3), [1, 2], 1),
)
def test_what_makes_another_zip_of_it(log, group, what, bundles, failures):
    log.add(group, None, zip_built(content=len(log.records)))
    assert batch_of(log.records).zip is not None
    what(log, group)
    content, batch = content_of(log.records), batch_of(log.records)
    assert (list(content.bundles), len(content.failures)) == (bundles, failures)
    assert (content.sequence, batch.content) == (len(log.records), len(log.records))
    assert batch.zip is None


def test_a_zip_that_is_right_is_there_until_then(log, group):
    log.add(group, None, zip_requested())
    log.add(group, None, zip_built(zip=file("a" * 64), content=len(log.records) - 1))
    log.add(group, None, BatchPaused(at=log.at))
    assert batch_of(log.records).zip == file("a" * 64)
    assert content_of(log.records).sequence == batch_of(log.records).content


def test_a_zip_that_came_too_late_is_never_there(log, group):
    before = len(log.records)
    delete(1)(log, group)
    log.add(group, None, zip_built(content=before))
    assert batch_of(log.records).zip is None


def test_a_failure_is_told_until_something_changes(log, group):
    log.add(group, None, zip_failed())
    assert batch_of(log.records).zip_error == ERROR
    log.add(group, None, zip_requested(attempt=2))
    assert batch_of(log.records).zip_error == ERROR
    restart(1)(log, group)
    assert batch_of(log.records).zip_error is None


def test_building_a_zip_is_no_update(log, group):
    before = batch_of(log.records).updated_at
    log.add(group, None, zip_requested(at=log.at))
    log.add(group, None, zip_built(at=log.at))
    assert batch_of(log.records).updated_at == before


def test_a_purged_log_says_the_same(log, group):
    log.add(group, None, zip_built(content=len(log.records)))
    delete(2)(log, group)
    purged = [r for r in log.records if r.n != 2 or isinstance(r.event, JobDeleted)]
    assert batch_of(purged) == batch_of(log.records)
    assert vars(content_of(purged)) == vars(content_of(log.records))


def test_applied_twice_it_changes_nothing(log, group):
    log.add(group, None, zip_built(content=len(log.records)))
    batch = batch_of(log.records)
    assert fold(log.records, {}, {group: batch}).batches == []


NOW = Context(Caller(OWNER), AT, POLICY)
MOST_EVENTS = 1000  # in one atomic append
LARGEST_EVENT_BYTES = 1024 * 1024


def specs(*sizes):
    """Jobs whose parameters have these sizes in bytes."""
    return [job_spec(parameters=Raw(b'"' + b"x" * (size - 2) + b'"')) for size in sizes]


def added(jobs):
    """The events that add ``jobs``, which are in them complete, in order, and counted right."""
    opened, *events = [draft.event for draft in decide(submit_batch(jobs=jobs), Group("b-x"), NOW)]
    assert opened.total_jobs == len(jobs)
    assert [spec for event in events for spec in event.jobs] == jobs
    assert [event.first for event in events] == [
        1 + sum(len(event.jobs) for event in events[:n]) for n in range(len(events))
    ]
    return events


@table(
    "jobs, counts",
    row("no job, no event", [], []),
    row("100 jobs fit", specs(*[20] * 100), [100]),
    row("101 jobs do not", specs(*[20] * 101), [100, 1]),
    row("256 KB of parameters fit", specs(*[16 * 1024] * 17), [16, 1]),
    row("an oversized job stands alone", specs(BYTES_PER_EVENT + 1, 20), [1, 1]),
    row("a large job begins an event", specs(20, BYTES_PER_EVENT), [1, 1]),
)
def test_jobs_are_cut(jobs, counts):
    assert [len(event.jobs) for event in added(jobs)] == counts


@table(
    "size, events",
    row("of usual size, cut by their number", 400, 200),
    row("that fill a 32 MB body, cut by their number", 1600, 200),
    row("of the largest size, which no body can hold", 16 * 1024, 1250),
)
def test_20000_jobs(size, events):
    assert len(added(specs(*[size] * 20_000))) == events


@pytest.mark.parametrize("largest", [400, 4000, 16 * 1024])
def test_what_a_body_can_hold_is_one_atomic_append(largest):
    """32 MB of the most wasteful mixtures: a large job ends an event that small ones began."""
    body_bytes = 32 * 1024 * 1024
    mixture = [largest] * (BYTES_PER_EVENT // largest) + [200]
    jobs = specs(*mixture * min(20_000 // len(mixture), body_bytes // sum(mixture)))
    events = added(jobs)
    assert len(events) < MOST_EVENTS
    assert max(len(json.encode(event)) for event in events) < LARGEST_EVENT_BYTES


def test_a_batch_is_full_some_day():
    group = folded([on_group(batch_submitted())])
    group.jobs = [job.SUBMITTED] * (MAX_JOBS - 1)
    (draft,) = decide(add_job(), group, NOW)
    assert draft.event.first == MAX_JOBS
    group.jobs.append(job.SUBMITTED)
    with pytest.raises(Refused, match=f"has {MAX_JOBS} jobs") as refusal:
        decide(add_job(), group, NOW)
    assert refusal.value.code == "conflict"


def test_the_commands_remembered_longest_are_forgotten_first():
    group = Group("b-x")
    for number in range(REMEMBERED_COMMANDS + 1):
        group.remember(str(number))
    assert len(group.commands) == REMEMBERED_COMMANDS
    assert "0" not in group.commands
    assert {"1", str(REMEMBERED_COMMANDS)} <= group.commands.keys()
